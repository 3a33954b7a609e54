import { MAX_GIVEN_CHARS } from "../../../task/id.ts";

/**
 * The tasks that a shell may offer, newest first: `<id> <state>`, a line each. Somebody waits for it at a key, so all
 * of it is one step, it writes nothing, and what has not the form of an id (`ID_FORM`) is left out: a shell
 * would take `--any-host` for an option.
 */
export const OFFER = `
local p = KEYS[1]
local req = cjson.decode(ARGV[1])
local function isId(id)
  return #id <= ${MAX_GIVEN_CHARS} and string.find(id, '^[a-z0-9][a-z0-9-]*$') and not string.find(id .. '-', '--', 1, true)
end
local wanted = {}
for _, state in ipairs(req.states) do wanted[state] = true end
local found = {}
for _, id in ipairs(redis.call('ZREVRANGE', p .. ':tasks', 0, -1)) do
  if string.sub(id, 1, #req.begins) == req.begins and isId(id) then
    local state = redis.pcall('HGET', p .. ':task:' .. id, 'state')
    if type(state) ~= 'string' or not string.find(state, '^%a+$') then state = 'damaged' end
    if state == 'damaged' or wanted[state] then found[#found + 1] = id .. ' ' .. state end
  end
end
return cjson.encode({found = table.concat(found, '\\n')})
`;
