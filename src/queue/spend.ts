/**
 * What was spent, counted atomically: per task (each session's own total, so that a resumed session is not
 * counted twice) and per day of UTC. In USD.
 */
import type { Store } from "./store.ts";

const DAYS_KEPT_S = 40 * 86_400;

/** A session's total only grows; what it grew by is added to the day. */
const SPEND = `
local old = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
local total = tonumber(ARGV[2])
if total > old then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('INCRBYFLOAT', KEYS[2], tostring(total - old))
  redis.call('EXPIRE', KEYS[2], ARGV[3])
end
local sum = 0
for _, v in ipairs(redis.call('HVALS', KEYS[1])) do sum = sum + tonumber(v) end
return {tostring(sum), redis.call('GET', KEYS[2]) or '0'}
`;

export interface Spent {
	task: number;
	today: number;
}

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** @param session names whose total `costUsd` is */
export async function noteSpend(
	store: Store,
	task: string,
	session: string,
	costUsd: number,
): Promise<Spent> {
	const day = store.keys.spend(dayOf(store.clock.now()));
	const [sum, today] = (await store.guard((client) =>
		client.eval(SPEND, 2, store.keys.cost(task), day, session, String(costUsd), String(DAYS_KEPT_S)),
	)) as [string, string];
	return { task: Number(sum), today: Number(today) };
}

export async function spentBy(store: Store, task: string): Promise<number> {
	const costs = await store.guard((client) => client.hvals(store.keys.cost(task)));
	return costs.reduce((sum, cost) => sum + Number(cost), 0);
}

export async function spentToday(store: Store): Promise<number> {
	return Number((await store.guard((client) => client.get(store.keys.spend(dayOf(store.clock.now()))))) ?? 0);
}

/** ms since the Unix epoch at which the day's budget begins anew */
export function nextDay(now: number): number {
	return Date.parse(`${dayOf(now)}T00:00:00Z`) + 86_400_000;
}
