/** "I could not look" is not "nobody is there"; and nothing that an agent puts in place of a file hangs a look. */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sealsOf } from "../../src/config/signing-key.ts";
import { writeEnding } from "../../src/monitor/ending.ts";
import { startAgent } from "../../src/process/agent.ts";
import { askProgram } from "../../src/process/ask-program.ts";
import { sweepMarked } from "../../src/process/end-tree.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bundled, source } from "./bundled.ts";

/** Far above what a look takes, far below for ever. */
const HANGS_MS = 120_000;

const home = temporaryFolder("looks");
const nonce = newNonce();
let program = "";
let run: RunDir;

/** All looks, each with what it gives or how it fails; with `full` as second word no descriptor is left. */
const LOOKS = `
	import { closeSync, openSync, writeSync } from "node:fs";
	import { agentStatus, isWrapperAlive, wrapperPid } from ${source("process/agent.ts")};
	import { sweepMarked } from ${source("process/end-tree.ts")};
	import { markedPids } from ${source("process/processes.ts")};
	import { processIdentity } from ${source("process/identity.ts")};
	import { tailLines, LogTail } from ${source("process/log-tail.ts")};
	import { openRun, tasksWithRuns } from ${source("process/run-dir.ts")};
	import { readPlan } from ${source("ipc/plan-file.ts")};
	import { readReport } from ${source("ipc/report.ts")};
	import { readIpc } from ${source("ipc/questions.ts")};
	import { readEnding } from ${source("monitor/ending.ts")};
	import { readLaunch } from ${source("process/launch.ts")};
	import { knowsSession } from ${source("process/sessions.ts")};
	import { sealsOf } from ${source("config/signing-key.ts")};
	import { readOrMake } from ${source("config/home.ts")};
	import { addressOf, directoriesOf, directoryFor } from ${source("config/state-directory.ts")};
	import { LogFollower } from ${source("monitor/follow-log.ts")};
	import { readDaemonFile } from ${source("host/files.ts")};
	import { backendOf } from ${source("backends/index.ts")};
	const [home, mode] = process.argv.slice(2);
	const path = home + "/runs/t/1";
	const task = home + "/.dispatch/tasks/t";
	const run = { path, logPath: path + "/agent.log", facts: { nonce: process.env.NONCE, task: "t", taskDir: task } };
	const looks = {
		agentStatus: () => agentStatus(run).kind,
		openRun: () => openRun(home, "t", 1) !== null,
		tasks: () => tasksWithRuns(home),
		wrapperPid: () => wrapperPid(run) !== null,
		isWrapperAlive: () => isWrapperAlive(run),
		marked: () => markedPids(run.facts.nonce).length > 0,
		sweep: () => sweepMarked("nobody"),
		identity: () => processIdentity(process.pid) !== null,
		tail: () => tailLines(run.logPath, 5),
		log: () => new LogTail(run.logPath, { offset: 0 }).read(1000).lines.map(({ text }) => text),
		follow: () => new LogFollower(run, backendOf("command")).read(true).lines.map(({ text }) => text),
		ending: () => readEnding(run, sealsOf(home)),
		launch: () => readLaunch(run)?.carried.length ?? null,
		session: () => knowsSession(home, "t", "s-1"),
		host: () => readOrMake(home + "/host-id", () => "made"),
		plan: () => readPlan(task)?.items.length ?? null,
		report: () => readReport(task)?.slice(0, 10) ?? null,
		ipc: () => readIpc(task).questions.length,
		daemon: () => readDaemonFile(home) !== null,
		address: refused(() => addressOf(home).url),
		directory: refused(() => directoryFor(home, "redis://b") !== home),
		directories: refused(() => directoriesOf(home).length),
	};
	// A refusal for people, of which the cause counts.
	function refused(look) {
		return () => { try { return look(); } catch (error) { throw error.cause ?? error; } };
	}
	const results = {};
	const held = [];
	// Loaded before: its own files need descriptors.
	writeSync(2, "");
	if (mode === "full") try { for (;;) held.push(openSync("/dev/null", "r")); } catch {}
	for (const [name, look] of Object.entries(looks)) {
		try { results[name] = await look(); } catch (error) { results[name] = "threw " + (error.code ?? error); }
	}
	for (const fd of held) closeSync(fd);
	console.log(JSON.stringify(results));
`;

async function looks(mode: "free" | "full"): Promise<Record<string, unknown>> {
	const line = 'ulimit -n 80; exec "$@"';
	const asked = await askProgram({
		file: "sh",
		args: ["-c", line, "sh", process.execPath, program, home, mode],
		env: { PATH: process.env.PATH, NONCE: nonce },
		limitMs: HANGS_MS,
	});
	expect(asked).toMatchObject({ timedOut: false, exitCode: 0 });
	return JSON.parse(asked.stdout);
}

beforeAll(async () => {
	program = await bundled(home, LOOKS);
	const taskDir = join(home, ".dispatch/tasks/t");
	mkdirSync(join(taskDir, "ipc"), { recursive: true });
	writeFileSync(join(taskDir, "plan.md"), "- [ ] one\n");
	writeFileSync(join(taskDir, "output.md"), "done");
	writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
	const facts = {
		task: "t",
		epoch: 1,
		nonce,
		backend: "f",
		cwd: home,
		taskDir,
		startedAt: 1,
		sessionId: null,
	};
	run = claimRun(home, facts) as RunDir;
	await startAgent(run, {
		argv: ["sh", "-c", "echo hello; exec sleep 1000"],
		cwd: home,
		env: { PATH: process.env.PATH ?? "" },
	});
	const identity = { pid: process.pid, bootId: "boot", startTime: "1" };
	writeFileSync(
		join(home, "daemon.json"),
		JSON.stringify({ identity, ready: true, version: "1", redis: "local" }),
	);
	writeEnding(run, "stuck", sealsOf(home));
	writeFileSync(join(run.path, "launch.json"), '{"sessionId":null,"carried":["1.001"]}');
	writeFileSync(join(run.path, "sessions"), "s-1\n");
	writeFileSync(join(home, "host-id"), "here\n");
	writeFileSync(join(home, "address"), "redis://a:6379/0\n");
	mkdirSync(join(home, "at", "0123456789abcdef"), { recursive: true });
});
afterAll(() => sweepMarked(nonce));

const TRUTH = {
	agentStatus: "alive",
	openRun: true,
	tasks: ["t"],
	wrapperPid: true,
	isWrapperAlive: true,
	marked: true,
	sweep: 0,
	identity: true,
	tail: ["hello"],
	log: ["hello"],
	follow: ["hello"],
	ending: "stuck",
	launch: 1,
	session: true,
	host: "here",
	plan: 1,
	report: "done",
	ipc: 1,
	daemon: true,
	address: "redis://a:6379/0",
	directory: true,
	directories: 2,
};

test("without a descriptor left no look gives an answer, and none a wrong one", async () => {
	await expect.poll(() => looks("free")).toEqual(TRUTH);
	const full = await looks("full");
	expect(full).toEqual(Object.fromEntries(Object.keys(TRUTH).map((name) => [name, "threw EMFILE"])));
});

const PLACES = [
	"exit",
	"pid",
	"identity.json",
	"run.json",
	"alive",
	"agent.log",
	"followed.json",
	"silence.json",
	"ending",
	"launch.json",
	"sessions",
	"shell.log",
	"plan.md",
	"output.md",
	"ipc/001.question",
	"daemon.json",
];
const PUT: Record<string, (path: string) => void> = {
	"a FIFO": (path) => void spawnSync("mkfifo", [path]),
	"a link to /dev/zero": (path) => symlinkSync("/dev/zero", path),
	"a link to a FIFO": (path) => {
		spawnSync("mkfifo", [`${path}.fifo`]);
		symlinkSync(`${path}.fifo`, path);
	},
	"a link to itself": (path) => symlinkSync(path, path),
	"a directory": (path) => mkdirSync(path),
	"a sparse file of 8 GiB": (path) => void spawnSync("truncate", ["-s", "8G", path]),
	nothing: () => {},
};

function placeOf(name: string): string {
	if (name === "daemon.json") return join(home, name);
	return /^(plan|output|ipc)/.test(name) ? join(home, ".dispatch/tasks/t", name) : join(run.path, name);
}

/** What decides whether it lives is replaced alone, everything else together. */
const GROUPS = [["alive"], PLACES.filter((name) => name !== "alive")];

test.each(Object.keys(PUT))(
	"%s in place of any file hangs nothing, and the agent still lives",
	async (kind) => {
		for (const names of GROUPS) {
			// Only the log's own reader reads it to the end, and an exit file is believed.
			const places = names
				.filter((name) => !kind.startsWith("a sparse") || !["agent.log", "exit"].includes(name))
				.map(placeOf);
			for (const path of places) {
				spawnSync("mv", [path, `${path}.kept`]);
				PUT[kind]?.(path);
			}
			const seen = await looks("free");
			for (const path of places) {
				rmSync(path, { recursive: true, force: true });
				spawnSync("mv", [`${path}.kept`, path]);
			}
			expect(Object.values(seen).filter((look) => String(look).startsWith("threw"))).toEqual([]);
			// Nobody holds the new FIFO. What still lives is swept by its mark before anything is decided.
			const gone = names.includes("alive") && ["a FIFO", "nothing"].includes(kind);
			expect([names, seen.agentStatus]).toEqual([names, gone ? "gone" : "alive"]);
			expect(seen.marked).toBe(true);
		}
	},
);

test("a socket is no file either", async () => {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(join(run.path, "exit"), resolve));
	expect((await looks("free")).agentStatus).toBe("alive");
	await new Promise((resolve) => server.close(resolve));
});
