/**
 * The log of a task in Redis: one capped stream of rendered lines. A line's id is `<epoch>-<n>`, n from
 * its byte offset in the agent's log, so that a line written twice is refused the second time.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { cutText } from "../../task/cut-text.ts";
import { withoutSecrets } from "../../task/secrets.ts";
import type { Store } from "./store.ts";

const LINES_KEPT = 5_000;
const LINE_LIMIT = 4_000;
/** Of a longer line the rest is not looked at: no secret is so long that what is shown could reach to it. */
const LOOKED_AT = 16 * LINE_LIMIT;
/** Then others have their turn: as long as one agent prints, the rest of the host goes on. */
const TURN_MS = 10;
/** An agent that prints long lines keeps fewer of them: its log must not fill everybody's Redis. */
const LOG_BYTES = 8 * 1024 * 1024;

export interface LogLine {
	/** grows with every line of an epoch; > 0 */
	position: number;
	text: string;
}

export interface ReadLine {
	id: string;
	epoch: number;
	/** when it was read from the agent, ms since the Unix epoch; null in logs of an earlier version */
	at: number | null;
	text: string;
}

export async function appendLog(store: Store, task: string, epoch: number, lines: LogLine[]): Promise<void> {
	if (lines.length === 0) return;
	const pipeline = store.client.pipeline();
	const now = String(store.clock.now());
	const kept: LogLine[] = [];
	let turnEnds = performance.now() + TURN_MS;
	for (const { position, text } of lines.slice(-LINES_KEPT)) {
		kept.push({ position, text: cutText(withoutSecrets(cutText(text, LOOKED_AT)), LINE_LIMIT) });
		if (performance.now() < turnEnds) continue;
		await nextTurn();
		turnEnds = performance.now() + TURN_MS;
	}
	const most = String(linesFor(kept.map(({ text }) => Buffer.byteLength(text))));
	for (const { position, text } of kept) {
		const id = `${epoch}-${position}`;
		pipeline.xadd(store.keys.log(task), "MAXLEN", "~", most, id, "l", text, "t", now);
	}
	// "equal or smaller than the target" refuses a line that is there already: just what is wanted.
	for (const [error] of (await store.guard(() => pipeline.exec())) ?? []) {
		if (error && !/equal or smaller/.test(error.message))
			await store.guard(() => Promise.reject(error), task);
	}
}

/** How many lines of this size may stay; what stands there already is at most as much again. */
function linesFor(bytes: readonly number[]): number {
	const mean = bytes.reduce((sum, each) => sum + each, 0) / bytes.length;
	return Math.min(LINES_KEPT, Math.floor(LOG_BYTES / Math.max(1, mean)));
}

/** The last `count` lines, oldest first. @param epoch only of this start; null: of all */
export async function lastLines(
	store: Store,
	task: string,
	count: number,
	epoch: number | null = null,
): Promise<ReadLine[]> {
	const [first, last] = epoch === null ? ["-", "+"] : [String(epoch), String(epoch)];
	const entries = await store.guard(
		(client) => client.xrevrange(store.keys.log(task), last, first, "COUNT", String(count)),
		task,
	);
	return entries.reverse().map(toLine);
}

/** Lines after `lastId`. */
export async function linesAfter(
	store: Store,
	task: string,
	lastId: string,
	count = 1_000,
): Promise<ReadLine[]> {
	const entries = await store.guard(
		(client) => client.xrange(store.keys.log(task), `(${lastId}`, "+", "COUNT", String(count)),
		task,
	);
	return entries.map(toLine);
}

function toLine([id, fields]: [string, string[]]): ReadLine {
	const [, text = "", , at] = fields;
	return { id, epoch: Number(id.split("-")[0]), at: at === undefined ? null : Number(at), text };
}
