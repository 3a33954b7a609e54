/** After a run: no task lost, none run twice, no orphan, no question lost or answered twice, nothing left behind. */
import { setTimeout as sleep } from "node:timers/promises";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { type Act, FEW_STARTS, type Stage } from "./stage.ts";

/** The lock of a job whose hash a blow deleted is renewed by nobody and runs out (60 s). */
const SETTLE_LIMIT_MS = 3 * CONDITION_LIMIT_MS;

/** A note that came so shortly before the end may have found no plan to stand in. */
const NOTE_ARRIVES_MS = 10_000;

const MINUTE_MS = 60_000;

interface EventJson {
	kind: string;
	at: string;
}

interface TaskJson {
	id: string;
	state: string;
	outcome: { message: string } | null;
	plan: { done: number; total: number };
	questions: { seq: string; text: string; answer: string | null; answeredBy: string | null }[];
}

/** @returns what is wrong, one line each; empty when all is well */
export async function audit(stage: Stage, keys: ReadonlyMap<string, string>): Promise<string[]> {
	const findings: string[] = [];
	const listed = JSON.parse((await stage.run(["ls", "--all", "--json"])).stdout) as TaskJson[];
	const byId = new Map(listed.map((task) => [task.id, task]));
	for (const [key, id] of keys) if (!byId.has(id)) findings.push(`lost: ${id}, acknowledged for key ${key}`);
	if (listed.length !== keys.size) findings.push(`${listed.length} tasks for ${keys.size} keys`);
	const acts = stage.readActs();
	for (const id of byId.keys()) {
		const task = JSON.parse((await stage.run(["status", id, "--json"])).stdout) as TaskJson;
		const own = acts.filter((act) => act.task === id);
		findings.push(...auditTask(task, own, stage), ...auditPromises(task, own, stage));
	}
	findings.push(...(await auditStarts(stage)));
	if (fallbacks(stage).wentOn === 0) findings.push("no task went on with another agent");
	findings.push(...(await settledRedis(stage)));
	findings.push(...stage.leftovers().map((name) => `left behind: ${name}`));
	return findings;
}

/** Of the tasks of the backend that refuses at times: how many another one worked on, and how many of those it had never refused. */
export function fallbacks(stage: Stage): { refused: number; wentOn: number; unbegun: number } {
	const acts = stage.readActs();
	const refused = new Set(acts.filter(({ kind }) => kind === "limited").map(({ task }) => task));
	const elsewhere = new Set(acts.filter(({ limited }) => limited === false).map(({ task }) => task));
	const wentOn = [...stage.promised.limited].filter((task) => elsewhere.has(task));
	const unbegun = wentOn.filter((task) => !refused.has(task));
	return { refused: refused.size, wentOn: wentOn.length, unbegun: unbegun.length };
}

/** What was acknowledged to people: a cancel, a note, a check. */
function auditPromises(task: TaskJson, acts: Act[], stage: Stage): string[] {
	const findings: string[] = [];
	const isCancelled = stage.promised.cancelled.has(task.id);
	if (isCancelled && task.state !== "cancelled") findings.push(`${task.id}: cancelled, but is ${task.state}`);
	const verified = stage.readProject("verified").split("\n");
	if (stage.promised.verified.has(task.id) && task.state === "completed" && !verified.includes(task.id))
		findings.push(`${task.id}: completed without its check`);
	const seen = [
		stage.readProject(`.dispatch/tasks/${task.id}/plan.md`),
		...acts.filter(({ kind }) => kind === "note").map(({ text }) => text ?? ""),
	].join("\n");
	const finishedAt = Math.max(0, ...acts.filter(({ kind }) => kind === "finish").map(({ at }) => at));
	for (const { text, at } of stage.promised.notes.filter((note) => note.task === task.id)) {
		const isTooLate = at > finishedAt - NOTE_ARRIVES_MS;
		if (isCancelled || isTooLate || stage.promised.fresh.has(task.id)) continue;
		if (!seen.includes(text)) findings.push(`${task.id}: never saw "${text}"`);
	}
	return findings;
}

function auditTask(task: TaskJson, acts: Act[], stage: Stage): string[] {
	const findings: string[] = [];
	const add = (text: string) => findings.push(`${task.id}: ${text}`);
	const isCancelled = stage.promised.cancelled.has(task.id);
	if (task.state !== "completed" && !isCancelled) add(`is ${task.state}: ${task.outcome?.message ?? ""}`);
	if (acts.some(({ kind }) => kind === "DOUBLE")) add("two agents lived at once");
	for (const { text } of acts.filter(({ kind }) => kind === "OVER")) add(`lived beside ${text}`);
	const finishes = acts.filter(({ kind }) => kind === "finish").length;
	if (finishes > 1 + (stage.promised.retries.get(task.id) ?? 0)) add(`was finished ${finishes} times`);
	const pidsOfRun = new Map<string, Set<number>>();
	for (const { run, pid } of acts) pidsOfRun.set(run, (pidsOfRun.get(run) ?? new Set()).add(pid));
	for (const [run, pids] of pidsOfRun) if (pids.size > 1) add(`start ${run} had ${pids.size} agents`);
	for (const { text, answer } of acts.filter(({ kind }) => kind === "answered")) {
		const recorded = task.questions
			.filter((question) => question.text === text)
			.map((question) => question.answer);
		if (!recorded.includes(answer ?? null))
			add(`the agent read "${answer}", recorded is ${JSON.stringify(recorded)}`);
	}
	const asked = new Set(acts.filter(({ kind }) => kind === "ask").map(({ text }) => text));
	for (const text of asked) {
		if (!task.questions.some((question) => question.text === text))
			add(`the question "${text}" was never shown`);
	}
	return findings;
}

/** By the times that the limit goes by, those of the records: an agent itself may come later. */
async function auditStarts(stage: Stage): Promise<string[]> {
	const starts: number[] = [];
	const runs = stage.readActs().filter(({ kind, task }) => kind === "start" && stage.promised.few.has(task));
	for (const id of stage.promised.few) {
		const { stdout } = await stage.run(["logs", id, "--events", "--json"]);
		const events = JSON.parse(stdout) as EventJson[];
		starts.push(...events.filter(({ kind }) => kind === "started").map(({ at }) => Date.parse(at)));
	}
	if (starts.length < new Set(runs.map(({ run }) => run)).size)
		return ["not every start is told by an event"];
	starts.sort((a, b) => a - b);
	const isOver = (at: number, n: number) =>
		at - (starts[n - FEW_STARTS] ?? Number.NEGATIVE_INFINITY) < MINUTE_MS;
	return starts
		.filter(isOver)
		.map((at) => `more than ${FEW_STARTS} starts in the minute before ${new Date(at).toISOString()}`);
}

/** The last run jobs complete a moment after their tasks; what stays longer than a lock is left behind. */
async function settledRedis(stage: Stage): Promise<string[]> {
	const until = performance.now() + SETTLE_LIMIT_MS;
	for (;;) {
		const left = await auditRedis(stage);
		if (left.length === 0 || performance.now() > until) return left;
		await sleep(200);
	}
}

async function auditRedis(stage: Stage): Promise<string[]> {
	const redis = stage.redis();
	await redis.connect();
	try {
		const keys = await redis.keys("*");
		const left = keys.filter((key) => /:(inbox|outbox)$|:live:|:active:|:open:|:lock$/.test(key));
		return left.map((key) => `left in Redis: ${key}`);
	} finally {
		redis.disconnect();
	}
}
