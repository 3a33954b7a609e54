import { PRELUDE } from "./prelude.ts";

/** Closes a gate. A later end wins over an earlier one, and a count goes on, whoever comes first. */
export const HOLD_GATE = `${PRELUDE}
mend('gates:' .. req.host, 'hash')
local gates = p .. ':gates:' .. req.host
local old = redis.call('HGET', gates, req.backend)
local gate = req.gate
local kept = decoded(old)
-- A count below 1, or one too large to go on, would keep this gate open for ever; a start to come, closed.
if kept and not (type(kept.failures) == 'number' and kept.failures >= 1 and kept.failures < 2^53) then kept = nil end
if kept and not (type(kept.since) == 'number' and kept.since >= 0 and kept.since <= now) then kept.since = now end
if kept and type(kept['until']) == 'number' and kept['until'] > now + req.longest then kept = nil end
gate.failures = 1
gate.since = now
if kept and kept.kind == gate.kind then
  local lasts = gate['until'] == cjson.null
  local open = type(kept['until']) == 'number' and kept['until'] <= now
  -- Several agents that meet one limit count once.
  gate.failures = (lasts or open) and kept.failures + 1 or kept.failures
  if not open then gate.since = kept.since end
  if not lasts and type(kept['until']) == 'number' and kept['until'] > gate['until'] then
    gate['until'], gate.made = kept['until'], kept.made
  end
end
redis.call('HSET', gates, req.backend, cjson.encode(gate))
return reply(gate)
`;
