/** Figures of speed and cost, each as a ratio to a baseline of the same run, or against a limit for waiting. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, existsSync, mkdirSync, openSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createTaskDir } from "../../src/ipc/task-dir.ts";
import { claimRun } from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { specOf } from "../queue/records/store-support.ts";
import { type Figure, latencyFigure, printFigures, ratioFigure } from "./figures.ts";
import { writePage } from "./page.ts";
import { idle, listing } from "./screens.ts";
import { BenchStage, cpuSeconds, pssMiB, startLoop, until } from "./stage.ts";
import { startUp, startUpWithCertificates } from "./start-up.ts";
import { submission } from "./submission.ts";
import { tab } from "./tab.ts";
import { workOff } from "./work-off.ts";

const QUESTIONS = 100;
const QUESTIONS_SLOW = 8;
const TASKS = 1_000;
const WATCH_S = 30;
const LOOP =
	'd=$1; while [ ! -e "$d/.done" ]; do for q in "$d"/*.question; do [ -e "$q" ] && :; done; sleep 3; done';

async function bridge(watching: boolean): Promise<Figure[]> {
	const stage = new BenchStage({ DISPATCH_WATCH: watching ? "on" : "off" });
	const asked: number[] = [];
	const answered: number[] = [];
	try {
		stage.run("enqueue", "--id", "t", "Do it");
		const store = await stage.store();
		await until(async () => (await store.stateOf("t")) === "running");
		const ipc = join(stage.project, ".dispatch/tasks/t/ipc");
		for (let n = 1; n <= (watching ? QUESTIONS : QUESTIONS_SLOW); n++) {
			const seq = String(n).padStart(3, "0");
			await sleep(20 + (n % 7) * 10);
			writeFileSync(join(ipc, "q.tmp"), `Question ${n}?`);
			renameSync(join(ipc, "q.tmp"), join(ipc, `${seq}.question`));
			asked.push(await until(async () => (await store.openCount("t")) > 0));
			await store.answer("t", { text: "yes", by: "bench", seq });
			answered.push(await until(() => existsSync(join(ipc, `${seq}.answer`))));
			writeFileSync(join(ipc, `${seq}.done`), "");
		}
		await store.close();
	} finally {
		stage.remove();
	}
	const how = watching ? "with the watcher" : "without";
	const aim = watching ? { p50: 50, p99: 250 } : { p99: 3_200 };
	return [
		latencyFigure(`question file → Redis, ${how}`, asked, aim),
		latencyFigure(`answer → file, ${how}`, answered, aim),
	];
}

/** Live tasks without their processes: records, run directories, and FIFOs. @returns what holds these open */
async function makeLiveTasks(stage: BenchStage): Promise<number[]> {
	const store = await stage.store();
	const held: number[] = [];
	for (let n = 0; n < TASKS; n++) {
		const id = `t${n}`;
		const spec = specOf(id, {
			cwd: stage.project,
			host: stage.host,
			backend: "idle",
			inactivityMs: 3_600_000,
		});
		await store.create(spec);
		const nonce = newNonce();
		await store.move({ id, from: ["queued"], to: "running", runNonce: nonce });
		const owner = { namespace: "default", host: stage.host, nonce: spec.nonce };
		const taskDir = await createTaskDir(stage.project, {
			...owner,
			id,
			planText: null,
			title: id,
			givenItems: ["one", "two"],
		});
		const facts = {
			task: id,
			epoch: 1,
			nonce,
			backend: "idle",
			cwd: stage.project,
			taskDir,
			startedAt: 0,
			sessionId: null,
		};
		const run = claimRun(stage.home, facts);
		if (run === null) throw new Error(`${id} is claimed`);
		execFileSync("mkfifo", [join(run.path, "alive")]);
		held.push(openSync(join(run.path, "alive"), constants.O_RDWR | constants.O_NONBLOCK));
		writeFileSync(join(run.path, "spawning"), "");
		writeFileSync(run.logPath, "");
	}
	await store.close();
	return held;
}

async function cost(pids: readonly number[]): Promise<{ cpu: number; memory: number }> {
	const before = pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
	await sleep(WATCH_S * 1_000);
	const cpu = pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0) - before;
	return { cpu, memory: pids.reduce((sum, pid) => sum + pssMiB(pid), 0) };
}

async function watching(): Promise<Figure[]> {
	const stage = new BenchStage();
	const loops: number[] = [];
	const held: number[] = [];
	try {
		stage.run("ls");
		held.push(...(await makeLiveTasks(stage)));
		stage.run("up");
		await sleep(10_000);
		const ours = await cost([stage.daemonPid(), stage.redisPid()]);
		stage.run("down");
		for (let n = 0; n < TASKS; n++) {
			const dir = join(stage.path, "loops", String(n));
			mkdirSync(dir, { recursive: true });
			loops.push(startLoop(LOOP, [dir]));
		}
		await sleep(10_000);
		const theirs = await cost(loops);
		return [
			ratioFigure(
				`CPU of ${TASKS} live tasks, ${WATCH_S} s, beside shell loops`,
				ours.cpu,
				theirs.cpu,
				0.1,
				"s",
			),
			ratioFigure(`memory of ${TASKS} live tasks beside shell loops`, ours.memory, theirs.memory, 0.1, "MiB"),
		];
	} finally {
		for (const pid of loops) process.kill(pid, "SIGKILL");
		// Ending agents looks at every descriptor of every process, for each of them.
		for (const fifo of held) closeSync(fifo);
		stage.remove();
	}
}

const figures: Figure[] = [];
const parts = {
	startUp,
	certificates: startUpWithCertificates,
	tab,
	listing,
	idle,
	submission,
	workOff,
	bridge: () => bridge(true),
	cycle: () => bridge(false),
	watching,
};
const only = process.argv.find((word) => word.startsWith("--only="))?.slice("--only=".length);
for (const [name, part] of Object.entries(parts)) {
	if (only !== undefined && only !== name) continue;
	const made = await part();
	printFigures(made);
	figures.push(...made);
}
if (process.argv.includes("--write") && only === undefined) writePage(figures);
const missed = figures.filter(({ isMet }) => !isMet);
console.log(
	missed.length === 0 ? "Every aim is met." : `${missed.length} of ${figures.length} aims are missed.`,
);
process.exit(missed.length > 0 && process.argv.includes("--strict") ? 1 : 0);
