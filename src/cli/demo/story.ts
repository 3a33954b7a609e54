/** Tells on the terminal what happens to the demo's task, as it happens, and lets somebody answer. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";

const LOOK_MS = 100;
/** Far more than any step of the demo takes: it must not hang a script. */
const STALL_LIMIT_MS = 180_000;
const ANSWERED_BY = "dispatch demo";

export interface Story {
	store: Store;
	id: string;
	say(line: string): void;
	/** the answer of whoever watches */
	answer(question: string): Promise<string>;
	signal: AbortSignal;
}

/**
 * Follows the task until it ended.
 * @returns its record at the end
 * @throws DISPATCH_TIMED_OUT when nothing moves any more
 */
export async function follow(story: Story): Promise<TaskRecord> {
	const { store, id, signal } = story;
	const told = new Set<string>();
	let seen = "";
	let movedAt = performance.now();
	for (;;) {
		signal.throwIfAborted();
		const record = await store.need(id);
		tellProgress(record, told, story);
		if (isEnded(record.state)) return record;
		if (await answerNext(story, told)) movedAt = performance.now();
		const now = `${record.revision} ${told.size}`;
		if (now !== seen) movedAt = performance.now();
		seen = now;
		if (performance.now() - movedAt > STALL_LIMIT_MS) throw stalled(record);
		await sleep(LOOK_MS, undefined, { signal });
	}
}

/** Each item once, when it is done. */
function tellProgress(record: TaskRecord, told: Set<string>, { say }: Story): void {
	const { items } = record.progress.plan;
	for (const [index, item] of items.entries()) {
		if (item.marker !== "x" || told.has(item.text)) continue;
		told.add(item.text);
		say(`  [${index + 1}/${items.length}] ${item.text}${item.note ? `: ${item.note}` : ""}`);
	}
}

async function answerNext(story: Story, told: Set<string>): Promise<boolean> {
	const { store, id, say, answer, signal } = story;
	const open = (await store.openQuestions()).find((question) => question.task === id);
	if (open === undefined) return false;
	// A question is recorded before the items that were ticked just ahead of it: tell those first.
	await sleep(2 * LOOK_MS, undefined, { signal });
	tellProgress(await store.need(id), told, story);
	say(`Worker is asking: "${open.text}"`);
	const text = await untilAborted(answer(open.text), signal);
	signal.throwIfAborted();
	const reply = await store.answer(id, { text, by: ANSWERED_BY, seq: open.seq });
	if (reply.result === "answered") say("Answer sent. Worker is continuing.");
	return true;
}

function stalled(record: TaskRecord): DispatchError {
	const message = `The demo's task has been ${record.state} for ${STALL_LIMIT_MS / 1_000} s without a change.`;
	return new DispatchError("DISPATCH_TIMED_OUT", message, { hint: "`dispatch doctor` looks for the cause." });
}

/** Rejects as soon as the signal aborts; the work goes on by itself. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
	work.catch(() => {});
	return new Promise((resolve, reject) => {
		signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		if (signal.aborted) reject(signal.reason);
		work.then(resolve, reject);
	});
}
