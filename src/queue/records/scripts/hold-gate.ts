import { PRELUDE } from "./prelude.ts";

/** Closes a gate. A later end wins over an earlier one, and a count goes on, whoever comes first. */
export const HOLD_GATE = `${PRELUDE}
local gates = p .. ':gates:' .. req.host
local old = redis.call('HGET', gates, req.backend)
local gate = req.gate
local kept = old and cjson.decode(old) or nil
gate.failures = 1
if kept and kept.kind == gate.kind then
  local open = kept['until'] ~= cjson.null and kept['until'] <= now
  -- Several agents that meet one limit count once.
  gate.failures = (gate.kind == 'auth' or open) and kept.failures + 1 or kept.failures
  if gate['until'] ~= cjson.null and kept['until'] ~= cjson.null then gate['until'] = math.max(gate['until'], kept['until']) end
end
redis.call('HSET', gates, req.backend, cjson.encode(gate))
return reply(gate)
`;
