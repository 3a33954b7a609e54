import { TASK } from "./prelude.ts";

/** A fresh session: the old `ipc/` was moved aside, its open questions go with it. */
export const NEW_IPC = `${TASK}
if tonumber(get('epoch')) ~= req.epoch then return reply({result = 'stale'}) end
dropOpen()
if get('state') == 'asking' then setState('asking', 'running') end
local gen = redis.call('HINCRBY', rec, 'ipcGeneration', 1)
return reply({result = 'ok', ipcGeneration = gen})
`;
