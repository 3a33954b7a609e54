import { PRELUDE } from "./prelude.ts";

/** Which of these starts the host shall end. When it is none, the list goes, whatever its length. */
export const FENCED = `${PRELUDE}
mendHost(req.host)
local key, found, any = p .. ':fenced:' .. req.host, {}, false
for _, nonce in ipairs(req.nonces) do
  if redis.call('SISMEMBER', key, nonce) == 1 then found[nonce] = true; any = true end
end
if not any then redis.call('UNLINK', key) end
return reply({nonces = found})
`;
