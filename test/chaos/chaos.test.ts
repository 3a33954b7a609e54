import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Random, SEED } from "../chance.ts";
import { CONDITION_LIMIT_MS, WAIT_LIMIT } from "../patience.ts";
import { audit, fallbacks } from "./audit.ts";
import { pickBlow } from "./blows.ts";
import { FEW_STARTS, Stage } from "./stage.ts";

const KILLS = Number(process.env.CHAOS_KILLS) || 20;
const TASKS = Math.max(6, Math.round(KILLS / 2));
const PLACES = 3;
const SETTLE_LIMIT_MS = 8 * CONDITION_LIMIT_MS;

/** Until one task has gone on with another agent the service refuses: what no task did says nothing. */
const FIRST_REFUSAL_MS = 5_000;

interface Listed {
	id: string;
	state: string;
}

/** What its agent does. @param most how many of its batch may work at once */
function planOf(random: Random, model: string, batch?: { batch: string; most: number }): string {
	const items = random.between(1, 4);
	const asked = Array.from({ length: items }, (_, i) => i + 1).filter(() => random.next() < 0.5);
	const patienceMs = random.pick([300, 2_000, 600_000]);
	const asks = asksNothing(random, model) ? [] : asked;
	return `chaos-plan: ${JSON.stringify({ items, asks, patienceMs, stepMs: random.between(20, 600), ...batch })}`;
}

/** In turn, not at random: of each run enough tasks are refused, and more than may start in a minute are of `few`. */
const MODELS = ["limited", "few", "chaos", "limited", "few"] as const;
const modelOf = (n: number) => MODELS[n % MODELS.length] ?? "chaos";

/** Of who asks no place is counted: it may live on over the limit. */
const asksNothing = (random: Random, model: string) => random.next() < (model === "few" ? 0.6 : 0.2);

/** Repeats a submission under its key until it is acknowledged; cut-off tries and outages included. */
async function acknowledged(stage: Stage, random: Random, args: string[]): Promise<string> {
	if (random.next() < 0.3) {
		const cut = stage.start(args);
		await sleep(random.between(50, 600));
		cut.kill();
		await cut.done;
	}
	for (;;) {
		const { code, stdout, stderr } = await stage.run(args);
		if (code === 0) return stdout;
		if (code !== 5 && code !== 1) throw new Error(`${args[0]} ended with ${code}: ${stdout} ${stderr}`);
		await sleep(200);
	}
}

function promiseModel({ promised }: Stage, id: string, model: string): void {
	if (model === "few") promised.few.add(id);
	if (model === "limited") promised.limited.add(id);
}

async function enqueue(stage: Stage, random: Random, n: number): Promise<[key: string, id: string][]> {
	const key = `chaos-${n}`;
	const model = modelOf(n);
	const plan = planOf(random, model);
	const check = random.next() < 0.3 ? ["--verify", `echo task-${n} >> verified`] : [];
	const args = ["enqueue", "--json", "--key", key, "--attempts", "1000", "--id", `task-${n}`];
	const stdout = await acknowledged(stage, random, [...args, "--model", model, ...check, plan]);
	const { id } = JSON.parse(stdout) as { id: string };
	if (check.length > 0) stage.promised.verified.add(id);
	promiseModel(stage, id, model);
	return [[key, id]];
}

/** Several at once, of which few may work at a time. */
async function enqueueBatch(stage: Stage, random: Random, n: number): Promise<[key: string, id: string][]> {
	const key = `batch-${n}`;
	const most = random.between(1, 2);
	const tasks = Array.from({ length: random.between(3, 6) }, (_, i) => {
		const model = modelOf(n + i);
		const prompt = planOf(random, model, { batch: key, most });
		return { id: `task-${n + i}`, model, prompt, attempts: 1_000 };
	});
	stage.writeProject(`${key}.json`, JSON.stringify({ max_parallel: most, tasks }));
	await acknowledged(stage, random, ["batch", `${key}.json`, "--json", "--key", key]);
	for (const { id, model } of tasks) promiseModel(stage, id, model);
	return tasks.map(({ id }) => [`${key} ${id}`, id]);
}

/** What happened to the tasks that a finding names, as dispatch and as their agents tell it. */
async function tellEvents(stage: Stage, findings: string[]): Promise<void> {
	const ids = new Set(findings.flatMap((finding) => /^(task-\d+):/.exec(finding)?.[1] ?? []));
	for (const id of ids) {
		console.log((await stage.run(["logs", id, "--events"])).stdout);
		for (const act of stage.readActs().filter(({ task }) => task === id)) console.log(JSON.stringify(act));
	}
}

async function expectTwoQuestions(stage: Stage, task: string, said: string[]): Promise<void> {
	const asked = (): Promise<string> =>
		stage.run(["status", task, "--json"]).then(({ stdout, code }) => (code === 0 ? stdout : asked()));
	const { questions } = JSON.parse(await asked()) as { questions: { answer: string | null }[] };
	const recorded = questions.map(({ answer }) => answer);
	for (const text of said)
		if (recorded.filter((answer) => answer === text).length !== 1)
			throw new Error(`${said.join(" and ")} were accepted; recorded: ${recorded.join(" | ")}`);
}

/** As many tasks as there are places, each of which waits until all of them work. */
async function placesAreFree(stage: Stage, places: number): Promise<string[]> {
	stage.configure(places);
	await stage.run(["up", "--restart"]);
	const plan = JSON.stringify({ items: 1, asks: [], patienceMs: 0, stepMs: 10, together: places });
	const ids = Array.from({ length: places }, (_, n) => `place-${n}`);
	for (const id of ids) await stage.run(["enqueue", "--id", id, `chaos-plan: ${plan}`]);
	const { code } = await stage.run(["wait", ...ids, "--timeout", WAIT_LIMIT]);
	return code === 0 ? [] : [`not all of ${places} places are free: wait ended with ${code}`];
}

let calls = 0;

/**
 * Answers every open question, twice at once: one of the two must win. Where the second came so late that a new
 * session had asked again under that number, each must be the recorded answer of a question of its own.
 */
async function answerAll(stage: Stage): Promise<void> {
	const { stdout, code } = await stage.run(["questions", "--json"]);
	if (code !== 0) return;
	for (const { task, seq } of JSON.parse(stdout) as { task: string; seq: string }[]) {
		const said = ["A", "B"].map((who) => `${who} for ${task} ${seq}, call ${++calls}`);
		const ran = await Promise.all(said.map((text) => stage.run(["answer", task, "--seq", seq, text])));
		if (ran.every(({ code }) => code === 0)) await expectTwoQuestions(stage, task, said);
	}
}

async function untilAllEnded(stage: Stage): Promise<Listed[]> {
	const until = performance.now() + SETTLE_LIMIT_MS;
	for (;;) {
		await stage.run(["up"]);
		await answerAll(stage);
		const { stdout, code } = await stage.run(["ls", "--all", "--json"]);
		const tasks = code === 0 ? (JSON.parse(stdout) as Listed[]) : [];
		const open = tasks.filter(({ state }) => !["completed", "failed", "cancelled"].includes(state));
		if (code === 0 && open.length === 0) return tasks;
		if (performance.now() > until)
			throw new Error(`still open: ${JSON.stringify(open.map(({ id, state }) => `${id} ${state}`))}`);
		await sleep(300);
	}
}

test(`${KILLS} kills, seed ${SEED}: nothing is lost, nothing runs twice`, async () => {
	console.log(
		`chaos: seed ${SEED}, ${KILLS} kills, ${TASKS} tasks (again: DISPATCH_TEST_SEED=${SEED} CHAOS_KILLS=${KILLS} npm run test:chaos)`,
	);
	const random = new Random(SEED);
	const stage = new Stage(PLACES);
	const keys = new Map<string, string>();
	let well = false;
	try {
		for (let kill = 0; kill < KILLS; kill++) {
			const wanted = Math.min(TASKS, Math.ceil(((kill + 1) / KILLS) * TASKS * 1.3));
			if (fallbacks(stage).wentOn === 0) stage.limitFor(FIRST_REFUSAL_MS);
			while (keys.size < wanted) {
				const submit = random.next() < 0.2 || keys.size === 0 ? enqueueBatch : enqueue;
				for (const [key, id] of await submit(stage, random, keys.size)) keys.set(key, id);
			}
			await sleep(random.between(50, 1_500));
			const { name, blow } = pickBlow(random);
			const told = await blow(stage, random);
			appendFileSync(`${stage.path}/blows.log`, `${new Date().toISOString()} ${name} ${told}\n`);
			if (random.next() < 0.8) await stage.run(["up"]);
			if (random.next() < 0.5) await answerAll(stage);
		}
		await untilAllEnded(stage);
		await stage.run(["wait", "--timeout", WAIT_LIMIT]);
		const findings = await audit(stage, keys);
		await tellEvents(stage, findings);
		findings.push(...(await placesAreFree(stage, PLACES)));
		await stage.run(["down"]);
		for (const { pid, command } of stage.processes()) findings.push(`orphan: ${pid} ${command}`);
		expect(findings).toEqual([]);
		well = true;
		const acts = stage.readActs();
		const count = (kind: string) => acts.filter((act) => act.kind === kind).length;
		const few = acts.filter(({ kind, task }) => kind === "start" && stage.promised.few.has(task)).length;
		const { refused, wentOn, unbegun } = fallbacks(stage);
		console.log(
			`chaos: ${keys.size} tasks, ${count("start")} starts (${few} by a backend of ${FEW_STARTS} in a minute), ${count("ask")} questions, ${refused} refused, ${wentOn} went on with another agent, ${unbegun} of them before they had begun, 0 findings`,
		);
	} finally {
		if (well || process.env.CHAOS_KEEP === undefined) stage.remove();
		else console.log(`chaos: kept ${stage.path}`);
	}
});
