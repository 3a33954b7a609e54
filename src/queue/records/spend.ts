/**
 * What was spent, counted atomically: per task (each session's own total, so that a resumed session is not
 * counted twice) and per day of UTC. In USD.
 */
import type { Usage } from "../../task/spec.ts";
import type { Store } from "./store.ts";

const DAYS_KEPT_S = 40 * 86_400;

export interface Spent {
	/** of all the task's sessions; `costUsd` null while none has told any */
	task: Counters;
	/** USD of all tasks of the day */
	today: number;
}

type Counters = Pick<Usage, "inputTokens" | "outputTokens" | "costUsd">;

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** @param session names whose totals they are; repeats change nothing */
export async function noteUsage(
	store: Store,
	task: string,
	session: string,
	{ inputTokens, outputTokens, costUsd }: Counters,
): Promise<Spent> {
	const counters = [
		{ name: "in", total: inputTokens },
		{ name: "out", total: outputTokens },
		...(costUsd === null ? [] : [{ name: "usd", total: costUsd }]),
	];
	const day = dayOf(store.clock.now());
	const { fields, today } = await store.run<{ fields: string[]; today: string }>("noteUsage", {
		task,
		session,
		counters,
		day,
		keptSeconds: DAYS_KEPT_S,
	});
	const pairs = fields.flatMap((field, at) =>
		at % 2 === 0 ? [[field, fields[at + 1] ?? "0"] as const] : [],
	);
	return { task: totalOf(pairs), today: Number(today) };
}

function totalOf(pairs: readonly (readonly [string, string])[]): Counters {
	const sum = (counter: string) =>
		pairs.reduce((total, [field, value]) => total + (field.startsWith(`${counter}:`) ? Number(value) : 0), 0);
	const known = pairs.some(([field]) => field.startsWith("usd:"));
	return { inputTokens: sum("in"), outputTokens: sum("out"), costUsd: known ? sum("usd") : null };
}

/** @returns USD of all the task's sessions */
export async function spentBy(store: Store, task: string): Promise<number> {
	const fields = await store.guard((client) => client.hgetall(store.keys.cost(task)));
	return totalOf(Object.entries(fields)).costUsd ?? 0;
}

export async function spentToday(store: Store): Promise<number> {
	return Number((await store.guard((client) => client.get(store.keys.spend(dayOf(store.clock.now()))))) ?? 0);
}

/** ms since the Unix epoch at which the day's budget begins anew */
export function nextDay(now: number): number {
	return Date.parse(`${dayOf(now)}T00:00:00Z`) + 86_400_000;
}
