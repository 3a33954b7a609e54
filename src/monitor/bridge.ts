/** The bridge: new question files → Redis, answers in Redis → files, acknowledged answers → delivered. */
import { createHash } from "node:crypto";
import { type IpcState, publishAnswer, readAnswer, retireAnswer, whyShut } from "../ipc/questions.ts";
import { faultPoint } from "../process/fault.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import { cutText } from "../task/cut-text.ts";
import { newestByNumber, type Question } from "../task/question.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";
import { writeAsOurs } from "./stamp.ts";
import { reasonOf } from "./trouble.ts";

/** So many are handed to Redis at a look; it takes as many as may be open at once. */
const AT_ONCE = 20;
const SELF_ANSWER_SHOWN = 200;
/** How long a question may be known to its agent alone. */
const COMPARE_MS = 30_000;

/** Whether this look asks Redis anew for all that is known of it: its first, and one of each half minute. */
const isCompared = ({ comparedAt, lookedAt }: LiveTask) => comparedAt === lookedAt;

/** Question files that are new, or new under their number. */
export async function recordQuestions(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	faultPoint("bridge.ask", record.spec.id);
	if (live.comparedAt === null || live.lookedAt - live.comparedAt >= COMPARE_MS) {
		live.comparedAt = live.lookedAt;
		// What waits for its answer is told again: a Redis that lost its last seconds would know nothing of it.
		for (const { seq } of ipc.questions) if (!ipc.answered.includes(seq)) live.recorded.delete(seq);
	}
	const fresh = ipc.questions
		.map(({ seq, text }) => ({ seq, text, hash: createHash("sha256").update(text).digest("hex") }))
		.filter(({ seq, hash }) => live.recorded.get(seq) !== hash);
	if (fresh.length === 0) return;
	const { id } = record.spec;
	const { result, again, waiting } = await store.ask(id, live.epoch, fresh.slice(0, AT_ONCE));
	faultPoint("bridge.asked", id);
	// The number was answered under another text: its old answer would pass for the new one's.
	for (const seq of again) retire(live, seq);
	if (result !== "ok") return;
	for (const { seq, hash } of fresh.slice(0, AT_ONCE)) {
		if (waiting.includes(seq)) continue;
		live.recorded.set(seq, hash);
		live.trusted.delete(seq);
	}
	const left = fresh.length - AT_ONCE + waiting.length;
	if (left > 0) await tellWaiting(id, live, left, store);
}

async function tellWaiting(id: string, live: LiveTask, left: number, store: Store): Promise<void> {
	if (live.toldWaiting) return;
	live.toldWaiting = true;
	const why = `${left} more of its questions are shown as the open ones are answered`;
	await noteEvent(store, { task: id, kind: "questions_wait", why });
}

function retire(live: LiveTask, seq: string): boolean {
	live.trusted.delete(seq);
	return retireAnswer(live.run.facts.taskDir, seq);
}

/**
 * Only dispatch writes answers. What an agent put in the place of one, or acknowledged before it was there, is set
 * aside and told: the question stays open, and the person's answer comes under its own name.
 */
async function refuseOwnAnswers(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	const { id } = record.spec;
	// A Redis that lost its last seconds knows no more what was right.
	if (isCompared(live)) live.trusted.clear();
	const unsure = new Set([...ipc.answered, ...ipc.done].filter((seq) => !live.trusted.has(seq)));
	if (unsure.size === 0) return;
	const own: string[] = [];
	for (const question of newestByNumber(await store.questions(id), record.ipcGeneration)) {
		const { seq } = question;
		if (!unsure.has(seq)) continue;
		const said = readAnswer(live.run.facts.taskDir, seq);
		if (isRight(question, said, live) || (await isToldAgain(id, question, said, live, store)))
			live.trusted.add(seq);
		else if (retire(live, seq)) {
			own.push(seq);
			await tellOwnAnswer(id, seq, said, store);
		}
	}
	if (own.length > 0)
		live.log.tell(
			`The agent itself answered question ${own.join(", ")}: set aside, a person's answer counts.`,
		);
	ipc.answered = ipc.answered.filter((seq) => live.trusted.has(seq));
	ipc.done = ipc.done.filter((seq) => live.trusted.has(seq));
}

/** Redis has lost an answer that this host handed over, and that its agent may have read: it counts. @param said as for `isRight` */
async function isToldAgain(
	id: string,
	question: Question,
	said: string | null,
	{ handed: all }: LiveTask,
	store: Store,
): Promise<boolean> {
	const { seq, hash, answer } = question;
	const handed = answer === null ? all.of(question) : null;
	if (handed === null || (said !== null && said !== asRead(handed.answer))) return false;
	await store.answer(id, { seq, text: handed.answer, by: handed.by, shown: hash });
	return true;
}

/** @param said in the answer's file; null: none is there, which an agent may have read and removed */
function isRight(question: Question, said: string | null, live: LiveTask): boolean {
	const { answer, deliveredAt } = question;
	if (answer === null) return false;
	if (deliveredAt !== null) return true;
	return said === null ? live.handed.of(question) !== null || live.adopted : said === asRead(answer);
}

/** As it comes back from a file, which drops a mark of the byte order and replaces what is no character. */
const asRead = (text: string) => new TextDecoder().decode(Buffer.from(text));

async function tellOwnAnswer(id: string, seq: string, said: string | null, store: Store): Promise<void> {
	const text = said === null ? undefined : cutText(said, SELF_ANSWER_SHOWN);
	const what = said === null ? "acknowledged before there was an answer" : "written by the agent itself";
	const why = `(${what}; set aside: a person's answer counts)`;
	await noteEvent(store, {
		task: id,
		kind: "self_answered",
		seq,
		by: `agent of ${id}`,
		...(text && { text }),
		why,
	});
}

/** Answers that the agent has not got → files; those that it has read → delivered. */
export async function deliverAnswers(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	await refuseOwnAnswers(record, live, ipc, store);
	const { id } = record.spec;
	const undelivered = (await store.undelivered(id, { listed: !isCompared(live) })).filter(
		({ question }) => question.ipcGeneration === record.ipcGeneration,
	);
	faultPoint("bridge.publish", id);
	const delivered: string[] = [];
	let fault: unknown = null;
	for (const { field, question } of undelivered) {
		if (ipc.done.includes(question.seq)) delivered.push(field);
		else if (!ipc.answered.includes(question.seq)) fault ??= publish(live, question);
	}
	faultPoint("bridge.published", id);
	await store.delivered(id, delivered);
	faultPoint("bridge.delivered", id);
	if (fault === null) live.withheld.delete("answers");
	else live.withheld.set("answers", fault);
	if (fault !== null) await tellUndelivered(id, live, fault, store);
}

/** @returns why not. A full or vanished directory: the answer stays undelivered, the next look tries again. */
function publish(live: LiveTask, question: Question): unknown {
	const { taskDir } = live.run.facts;
	try {
		live.handed.note(question);
		const { seq, answer } = question;
		const published = writeAsOurs(live, () => publishAnswer(taskDir, seq, answer ?? ""));
		if (published !== "blocked") return null;
		return new Error(whyShut(taskDir) ?? `something else stands in the place of ${seq}.answer`);
	} catch (error) {
		return error;
	}
}

/** Once for a start. No step fails by it: an end needs no answer's file. */
async function tellUndelivered(id: string, live: LiveTask, fault: unknown, store: Store): Promise<void> {
	if (live.toldUndelivered) return;
	live.toldUndelivered = true;
	await noteEvent(store, { task: id, kind: "fault", text: "answers", why: reasonOf(fault) });
}

/** A refused file under `ipc/` is told once. */
export async function reportRejected(
	record: TaskRecord,
	live: LiveTask,
	ipc: IpcState,
	store: Store,
): Promise<void> {
	faultPoint("bridge.rejected", record.spec.id);
	// Somebody has put another directory, or a link, in the way: no answer gets there either.
	const shut = ipc.rejected.some(({ name }) => name === "ipc") ? whyShut(live.run.facts.taskDir) : null;
	if (shut === null) live.withheld.delete("ipc");
	else live.withheld.set("ipc", new Error(shut));
	for (const { name, why } of ipc.rejected) {
		if (live.rejected.has(name) || live.rejected.size > 100) continue;
		await noteEvent(store, { task: record.spec.id, kind: "file_refused", text: name, why });
		live.rejected.add(name);
	}
}
