/**
 * The process that holds a host, by its own word (`ownIdentity`); whatever else stands there names nobody. Anybody may
 * have written it, and a Redis that went back has an earlier one: whether that process serves the host is for those to
 * say who can look.
 */
export const HOLDER = `
local function holderOf(host)
  local word = redis.pcall('HGET', p .. ':host:' .. host, 'holder')
  if type(word) == 'string' and #word <= 200 and string.match(word, '^%d+ %S+ %S') then return word end
  return nil
end
`;
