/**
 * Lua, after TASK: the start that the record follows is to be ended by whichever host has it, since what the record
 * says of its host may be wrong.
 */
export const FENCE = `
local function fenceRun()
  local nonce = get('runNonce')
  if #nonce > 64 or not string.match(nonce, '^[%w_-]+$') then return end
  for _, host in ipairs(allHosts()) do redis.call('SADD', p .. ':fenced:' .. host, nonce) end
end
`;
