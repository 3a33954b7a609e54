/**
 * What was spent, counted atomically: per task (each session's own total, so that a resumed session is not
 * counted twice) and per day of UTC. In USD.
 */
import { usdField } from "../../task/field.ts";
import { ID_FORM } from "../../task/id.ts";
import { MOST_TOKENS, MOST_USD, type Usage } from "../../task/spec.ts";

import type { Store } from "./store.ts";

const DAYS_KEPT_S = 40 * 86_400;
/**
 * A task ends when it has cost its budget; its last turn may cost as much again, or so many USD where that is more.
 * What is told beyond is not believed against the others' day: any line of an agent's log can name a figure.
 */
const LAST_TURN_USD = 5;

export interface Spent {
	/** of all the task's sessions; `costUsd` null while none has told any */
	task: Counters;
	/** USD of all tasks of the day */
	today: number;
	/** null: it is of none, or of one without a budget */
	batch: BatchBudget | null;
}

export interface BatchBudget {
	batch: string;
	/** USD that all of its tasks may cost together */
	budgetUsd: number;
	spentUsd: number;
}

type Counters = Pick<Usage, "inputTokens" | "outputTokens" | "costUsd">;

const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

export interface Used {
	/** names the session; totals of it count what resumed runs of it used, too */
	session: string;
	/** names the run in it */
	epoch: number;
	/** as the CLI tells them; what a killed run used may be missing */
	ofSession: Counters | null;
	/** counted message by message */
	ofRun: Counters | null;
	/** USD that the task may cost; null = no limit */
	budgetUsd: number | null;
}

/**
 * Notes totals; repeats change nothing. Of a session counts the larger of its own totals and the sum of its runs.
 */
export async function noteUsage(store: Store, task: string, used: Used): Promise<Spent> {
	const { session, epoch, ofSession, ofRun, budgetUsd } = used;
	const counters = [...countersOf(session, ofSession), ...countersOf(`${session}#${epoch}`, ofRun)];
	const day = dayOf(store.clock.now());
	const { fields, today, batch } = await store.run<Noted>("noteUsage", {
		task,
		counters,
		day,
		...(budgetUsd === null ? {} : { most: budgetUsd + Math.max(budgetUsd, LAST_TURN_USD) }),
		keptSeconds: DAYS_KEPT_S,
	});
	const pairs = fields.flatMap((field, at) =>
		at % 2 === 0 ? [[field, fields[at + 1] ?? "0"] as const] : [],
	);
	const ofBatch = batch === null ? null : budgetOf(batch.id, batch.budget, batch.spent);
	return { task: totalOf(pairs), today: amountOf(today, MOST_USD), batch: ofBatch };
}

interface Noted {
	fields: string[];
	today: string;
	batch: { id: string; budget: string; spent: string } | null;
}

/** A budget that cannot be read is none: the batch is shown as damaged. */
function budgetOf(batch: string, budget: string | null, spent: string | null): BatchBudget | null {
	try {
		const budgetUsd = usdField.read(budget ?? "", "budgetUsd");
		return budgetUsd === null ? null : { batch, budgetUsd, spentUsd: amountOf(spent ?? "0", MOST_USD) };
	} catch {
		return null;
	}
}

/** @returns null: it is of no batch, or of one without a budget, or whose key holds something else */
export async function batchBudget(store: Store, batch: string | null): Promise<BatchBudget | null> {
	if (batch === null) return null;
	const asked = store.client.pipeline().hmget(store.keys.batch(batch), "budgetUsd", "spentUsd");
	const [fields] = (await store.replies(asked)) as [(string | null)[] | undefined];
	const [budget, spent] = fields ?? [];
	return budgetOf(batch, budget ?? null, spent ?? null);
}

function countersOf(name: string, counters: Counters | null): { field: string; total: number }[] {
	if (counters === null) return [];
	const { inputTokens, outputTokens, costUsd } = counters;
	return [
		{ field: `in:${name}`, total: inputTokens },
		{ field: `out:${name}`, total: outputTokens },
		...(costUsd === null || costUsd > MOST_USD ? [] : [{ field: `usd:${name}`, total: costUsd }]),
	];
}

/** What cannot be is counted as nothing: it would hold everybody for the day. */
function amountOf(text: string, most: number): number {
	const amount = Number(text);
	return amount >= 0 && amount <= most ? amount : 0;
}

const mostOf = (counter: string) => (counter === "usd:" ? MOST_USD : MOST_TOKENS);

type Pairs = readonly (readonly [string, string])[];

function totalOf(pairs: Pairs): Counters {
	const known = pairs.some(([field]) => field.startsWith("usd:"));
	const [inputTokens, outputTokens] = [sumOf(pairs, "in:"), sumOf(pairs, "out:")];
	return { inputTokens, outputTokens, costUsd: known ? sumOf(pairs, "usd:") : null };
}

/** The same sum as in the script `note-usage`. */
function sumOf(pairs: Pairs, counter: string): number {
	const totals = new Map<string, number>();
	const runs = new Map<string, number>();
	for (const [field, value] of pairs) {
		if (!field.startsWith(counter)) continue;
		const [, session = "", run] = /^([^#]*)(#\d+)?$/.exec(field.slice(counter.length)) ?? [];
		const of = run === undefined ? totals : runs;
		of.set(session, (of.get(session) ?? 0) + amountOf(value, mostOf(counter)));
	}
	const sessions = new Set([...totals.keys(), ...runs.keys()]);
	const sum = [...sessions].reduce(
		(so, each) => so + Math.max(totals.get(each) ?? 0, runs.get(each) ?? 0),
		0,
	);
	// The record takes no more; what would not fit would make it unreadable.
	return Math.min(sum, mostOf(counter));
}

/** @returns USD of all the task's sessions */
export async function spentBy(store: Store, task: string): Promise<number> {
	const fields = await store.guard((client) => client.hgetall(store.keys.cost(task)), task);
	return totalOf(Object.entries(fields)).costUsd ?? 0;
}

export async function spentToday(store: Store): Promise<number> {
	const text = await store.guard((client) => client.get(store.keys.spend(dayOf(store.clock.now()))));
	return amountOf(text ?? "0", MOST_USD);
}

export interface Spender {
	task: string;
	/** USD of the day */
	usd: number;
}

const SPENDERS_SHOWN = 3;

/** The tasks that cost most today, the dearest first. */
export async function spendersToday(store: Store): Promise<Spender[]> {
	const key = store.keys.spenders(dayOf(store.clock.now()));
	const found = await store.guard((client) => client.zrevrange(key, 0, SPENDERS_SHOWN - 1, "WITHSCORES"));
	const spenders = found.flatMap((task, at) =>
		at % 2 === 0 ? [{ task, usd: amountOf(found[at + 1] ?? "", MOST_USD) }] : [],
	);
	return spenders.filter(({ task }) => ID_FORM.test(task));
}

/** ms since the Unix epoch at which the day's budget begins anew */
export function nextDay(now: number): number {
	return Date.parse(`${dayOf(now)}T00:00:00Z`) + 86_400_000;
}
