/** The bridge: new question files → Redis, answers in Redis → files, acknowledged answers → delivered. */
import { createHash } from "node:crypto";
import { type IpcState, publishAnswer, retireAnswer } from "../ipc/questions.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";
import type { LiveTask } from "./live-task.ts";

/** @returns the task's state after it */
export async function bridge(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<State> {
	await reportRejected(record, live, ipc, store);
	await recordQuestions(record, live, ipc, store);
	await deliverAnswers(record, live, ipc, store);
	return (await store.stateOf(record.spec.id)) ?? record.state;
}

async function recordQuestions(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	const fresh = ipc.questions.filter(({ seq, text }) => live.recorded.get(seq) !== text);
	if (fresh.length === 0) return;
	const questions = fresh.map(({ seq, text }) => ({
		seq,
		text,
		hash: createHash("sha256").update(text).digest("hex"),
	}));
	const { result, again } = await store.ask(record.spec.id, live.epoch, questions);
	// The number was answered under another text: its old answer would pass for the new one's.
	for (const seq of again) retireAnswer(live.run.facts.taskDir, seq);
	if (result === "ok") for (const { seq, text } of fresh) live.recorded.set(seq, text);
}

async function deliverAnswers(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	const { id } = record.spec;
	const undelivered = (await store.undelivered(id)).filter(
		({ question }) => question.ipcGeneration === record.ipcGeneration,
	);
	const delivered: string[] = [];
	for (const { field, question } of undelivered) {
		if (ipc.done.includes(question.seq)) delivered.push(field);
		else if (!ipc.answered.includes(question.seq)) publish(live, question.seq, question.answer ?? "");
	}
	await store.delivered(id, delivered);
}

function publish(live: LiveTask, seq: string, text: string): void {
	try {
		publishAnswer(live.run.facts.taskDir, seq, text);
	} catch {
		// A full or vanished directory: the answer stays undelivered, the next look tries again.
	}
}

/** A refused file under `ipc/` is told once. */
async function reportRejected(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	for (const { name, why } of ipc.rejected) {
		if (live.rejected.has(name) || live.rejected.size > 100) continue;
		live.rejected.add(name);
		await noteEvent(store, { task: record.spec.id, kind: "file_refused", text: name, why });
	}
}
