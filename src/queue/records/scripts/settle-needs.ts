import { TASK } from "./prelude.ts";

/** Looks anew at what a waiting task needs: for one that was told nothing (an earlier version ended it, a list was lost). */
export const SETTLE_NEEDS = `${TASK}
if get('state') ~= 'waiting' then return reply({result = 'stale'}) end
settleNeeds(needsOf())
return reply({result = 'ok', state = get('state')})
`;
