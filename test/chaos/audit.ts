/** After a run: no task lost, none run twice, no orphan, no question lost or answered twice, nothing left behind. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Act, Stage } from "./stage.ts";

/** The lock of a job whose hash a blow deleted is renewed by nobody and runs out (60 s). */
const SETTLE_LIMIT_MS = 65_000;

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
		findings.push(
			...auditTask(
				task,
				acts.filter((act) => act.task === id),
			),
		);
	}
	findings.push(...(await settledRedis(stage)));
	findings.push(...stage.leftovers().map((name) => `left behind: ${name}`));
	return findings;
}

function auditTask(task: TaskJson, acts: Act[]): string[] {
	const findings: string[] = [];
	const add = (text: string) => findings.push(`${task.id}: ${text}`);
	if (task.state !== "completed") add(`is ${task.state}: ${task.outcome?.message ?? ""}`);
	if (acts.some(({ kind }) => kind === "DOUBLE")) add("two agents lived at once");
	const finishes = acts.filter(({ kind }) => kind === "finish").length;
	if (finishes > 1) add(`was finished ${finishes} times`);
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
