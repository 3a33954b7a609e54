/** The bridge: new question files → Redis, answers in Redis → files, acknowledged answers → delivered. */
import { createHash } from "node:crypto";
import { type IpcState, publishAnswer, retireAnswer } from "../ipc/questions.ts";
import { faultPoint } from "../process/fault.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** Question files that are new, or new under their number. */
export async function recordQuestions(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	faultPoint("bridge.ask", record.spec.id);
	const fresh = ipc.questions.filter(({ seq, text }) => live.recorded.get(seq) !== text);
	if (fresh.length === 0) return;
	const questions = fresh.map(({ seq, text }) => ({
		seq,
		text,
		hash: createHash("sha256").update(text).digest("hex"),
	}));
	const { result, again } = await store.ask(record.spec.id, live.epoch, questions);
	faultPoint("bridge.asked", record.spec.id);
	// The number was answered under another text: its old answer would pass for the new one's.
	for (const seq of again) retireAnswer(live.run.facts.taskDir, seq);
	if (result === "ok") for (const { seq, text } of fresh) live.recorded.set(seq, text);
}

/** Answers that the agent has not got → files; those that it has read → delivered. */
export async function deliverAnswers(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	const { id } = record.spec;
	const undelivered = (await store.undelivered(id)).filter(
		({ question }) => question.ipcGeneration === record.ipcGeneration,
	);
	faultPoint("bridge.publish", id);
	const delivered: string[] = [];
	for (const { field, question } of undelivered) {
		if (ipc.done.includes(question.seq)) delivered.push(field);
		else if (!ipc.answered.includes(question.seq)) publish(live, question.seq, question.answer ?? "");
	}
	faultPoint("bridge.published", id);
	await store.delivered(id, delivered);
	faultPoint("bridge.delivered", id);
}

function publish(live: LiveTask, seq: string, text: string): void {
	try {
		publishAnswer(live.run.facts.taskDir, seq, text);
	} catch {
		// A full or vanished directory: the answer stays undelivered, the next look tries again.
	}
}

/** A refused file under `ipc/` is told once. */
export async function reportRejected(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	faultPoint("bridge.rejected", record.spec.id);
	for (const { name, why } of ipc.rejected) {
		if (live.rejected.has(name) || live.rejected.size > 100) continue;
		await noteEvent(store, { task: record.spec.id, kind: "file_refused", text: name, why });
		live.rejected.add(name);
	}
}
