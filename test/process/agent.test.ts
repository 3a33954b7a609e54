import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { ARG_LIMIT_BYTES, agentStatus, startAgent, wrapperPid } from "../../src/process/agent.ts";
import { endTree, sweepMarked } from "../../src/process/end-tree.ts";
import { processIdentity, sameProcess } from "../../src/process/identity.ts";
import { liveRuns } from "../../src/process/live-runs.ts";
import { takeLock } from "../../src/process/lock.ts";
import { cpuTicks, markedPids } from "../../src/process/processes.ts";
import {
	claimRun,
	epochsOf,
	openRun,
	type RunDir,
	removeRuns,
	tasksWithRuns,
} from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { processesOf } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bundled } from "./bundled.ts";

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 10 });
const ENV = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
const runs: RunDir[] = [];

afterEach(async () => {
	for (const run of runs.splice(0)) await sweepMarked(run.facts.nonce);
});

function claim(home = temporaryFolder("run-"), epoch = 1): { home: string; run: RunDir } {
	const facts = {
		task: "t",
		epoch,
		nonce: newNonce(),
		backend: "fake",
		cwd: home,
		taskDir: home,
		startedAt: 1,
		sessionId: null,
	};
	const run = claimRun(home, facts);
	if (run === null) throw new Error("claimed already");
	runs.push(run);
	return { home, run };
}

async function started(script: string, ...args: string[]): Promise<{ home: string; run: RunDir }> {
	const made = claim();
	await startAgent(made.run, { argv: ["sh", "-c", script, "sh", ...args], cwd: made.home, env: ENV });
	return made;
}

const log = (run: RunDir) => readFileSync(run.logPath, "utf8");

test("a start is claimed once, and what is claimed is found again", async () => {
	const { home, run } = claim();
	expect(claimRun(home, run.facts)).toBeNull();
	expect(openRun(home, "t", 1)?.facts).toEqual(run.facts);
	expect(agentStatus(run)).toEqual({ kind: "never" });
	claim(home, 12);
	expect(epochsOf(home, "t")[0]).toBe(12);
	writeFileSync(join(run.path, "run.json"), '{"task":"t"');
	expect(openRun(home, "t", 1)).toBeNull();
	expect(epochsOf(home, "t")[0]).toBe(12);
	await removeRuns(home, "t");
	expect(tasksWithRuns(home)).toEqual([]);
});

test("output and exit code are recorded, the input is empty, the marks are in the environment", async () => {
	const { run } = await started(
		'cat; echo "$DISPATCH_RUN $DISPATCH_TASK $1"; echo err >&2; exit 7',
		"it's $(x)",
	);
	await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code: 7, signal: null }));
	expect(log(run)).toBe(`${run.facts.nonce} t it's $(x)\nerr\n`);
});

test("a missing program ends with 127, even where the PATH lacks the system's programs", async () => {
	const { run, home } = claim();
	const argv = ["/bin/sh", "-c", "no-such-program-here"];
	await startAgent(run, { argv, cwd: home, env: { PATH: "/nonexistent" } });
	await until(() => expect(agentStatus(run)).toMatchObject({ kind: "exited", code: 127 }));
});

test("a vanished working directory is refused with its name", async () => {
	const { run, home } = claim();
	const cwd = join(home, "gone");
	await expect(startAgent(run, { argv: ["true"], cwd, env: ENV })).rejects.toMatchObject({
		code: "DISPATCH_BAD_CWD",
	});
	expect(agentStatus(run)).toEqual({ kind: "never" });
});

test("what cannot be made was never started", async () => {
	const { run, home } = claim();
	const argv = ["true", "x".repeat(64 * ARG_LIMIT_BYTES)];
	await expect(startAgent(run, { argv, cwd: home, env: ENV })).rejects.toMatchObject({
		code: "DISPATCH_DISK",
		message: expect.stringContaining("E2BIG"),
	});
	expect(agentStatus(run)).toEqual({ kind: "never" });
});

test("an agent that writes to the descriptor it inherited still counts as alive", async () => {
	const { run, home } = await started("echo noise >&3; echo ready; while [ ! -e go ]; do sleep 0.05; done");
	await until(() => expect(log(run)).toBe("ready\n"));
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	writeFileSync(join(home, "go"), "");
	await until(() => expect(agentStatus(run)).toMatchObject({ kind: "exited", code: 0 }));
});

test("an agent outlives the kill -9 of who started it, whose lock is free at once", async () => {
	const { home } = claim();
	const module = (name: string) => JSON.stringify(join(import.meta.dirname, "../../src/process", name));
	const contents = `import { startAgent } from ${module("agent.ts")}; import { claimRun } from ${module("run-dir.ts")}; import { takeLock } from ${module("lock.ts")};
		if ((await takeLock("${home}/lock")) === null) process.exit(1);
		const facts = { task: "u", epoch: 1, nonce: "${newNonce()}", backend: "f", cwd: "${home}", taskDir: "${home}", startedAt: 1, sessionId: null };
		const run = claimRun("${home}", facts);
		await startAgent(run, { argv: ["sh", "-c", "echo one; while [ ! -e ${home}/go ]; do sleep 0.05; done; echo two"], cwd: "${home}", env: process.env });
		setInterval(() => {}, 1000);`;
	const file = await bundled(home, contents);
	const starter = spawn(process.execPath, [file], { stdio: "ignore" });
	await until(() => expect(readFileSync(join(home, "runs/u/1/agent.log"), "utf8")).toBe("one\n"));
	const run = openRun(home, "u", 1) as RunDir;
	runs.push(run);
	expect(await takeLock(join(home, "lock"))).toBeNull();
	starter.kill("SIGKILL");
	await new Promise((resolve) => starter.once("exit", resolve));
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	const lock = await takeLock(join(home, "lock"));
	expect(lock).not.toBeNull();
	lock?.release();
	writeFileSync(join(home, "go"), "");
	await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code: 0, signal: null }));
	expect(log(run)).toBe("one\ntwo\n");
});

test("without its wrapper an agent still counts as alive, then as gone with unknown status", async () => {
	const { run } = await started("echo ready; exec sleep 1000");
	await until(() => expect(log(run)).toBe("ready\n"));
	await until(() => expect(wrapperPid(run)).not.toBeNull());
	process.kill(wrapperPid(run) ?? 0, "SIGKILL");
	await until(() => expect(markedPids(run.facts.nonce)).toHaveLength(1));
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	await sweepMarked(run.facts.nonce);
	await until(() => expect(agentStatus(run)).toEqual({ kind: "gone" }));
});

test("SIGTERM lets the agent say its last word, and its own exit code is kept", async () => {
	const { run } = await started("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
	await until(() => expect(log(run)).toBe("ready\n"));
	await endTree(run, { graceMs: 10_000 });
	await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code: 9, signal: null }));
	expect(log(run)).toMatch(/bye\n$/);
	expect(markedPids(run.facts.nonce)).toEqual([]);
});

test("what ignores SIGTERM, leaves the group or forks anew is ended too", async () => {
	// A chain of sessions, each of which starts the next one and stays a moment longer.
	const chain = "trap '' TERM\n[ $1 -gt 0 ] && { setsid sh $0 $(($1 - 1)) & }\nsleep 0.02\nexec sleep 1000\n";
	const script = join(temporaryFolder("chain-"), "chain.sh");
	writeFileSync(script, chain);
	const { run } = await started(`trap '' TERM; setsid sh ${script} 300 & sleep 1000`);
	await until(() => expect(markedPids(run.facts.nonce).length).toBeGreaterThan(8));
	await endTree(run, { graceMs: 100 });
	expect(markedPids(run.facts.nonce)).toEqual([]);
});

test("a member of the group is ended even if it emptied its environment and ignores SIGTERM", async () => {
	const hidden = "trap '' TERM; echo $$; while [ -d $PWD ]; do sleep 0.05; done";
	const { run } = await started('env -i /bin/sh -c "$1" & wait', hidden);
	await until(() => expect(log(run)).toMatch(/^\d+\n$/));
	const pid = Number(log(run));
	expect(markedPids(run.facts.nonce)).not.toContain(pid);
	await until(() => expect(wrapperPid(run)).not.toBeNull());
	await endTree(run, { graceMs: 100 });
	await until(() => expect(processIdentity(pid)).toBeNull());
});

test("a recorded pid that is another process now is never signalled", async () => {
	const { run } = await started("exit 0");
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	const stranger = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
	writeFileSync(join(run.path, "pid"), `${stranger.pid}\n`);
	try {
		await endTree(run, { graceMs: 100 });
		expect(processIdentity(stranger.pid ?? 0)).not.toBeNull();
	} finally {
		stranger.kill("SIGKILL");
	}
});

test("the files of a run may vanish under a living agent", async () => {
	const { run, home } = await started(`while [ ! -e go ]; do sleep 0.05; done`);
	await until(() => expect(wrapperPid(run)).not.toBeNull());
	rmSync(run.path, { recursive: true });
	expect(agentStatus(run).kind).toBe("never");
	writeFileSync(join(home, "go"), "");
	await until(() => expect(markedPids(run.facts.nonce)).toEqual([]));
	expect(existsSync(run.path)).toBe(false);
});

test("CPU time of the whole tree is counted", async () => {
	const { run } = await started("sh -c 'while :; do :; done' & wait");
	await until(() => expect(cpuTicks(run.facts.nonce)).toBeGreaterThan(5));
});

test("a process is itself, a zombie and a reused pid are not", async () => {
	const me = processIdentity(process.pid);
	expect(me === null ? null : sameProcess(me)).toBe(true);
	expect(sameProcess({ ...(me as NonNullable<typeof me>), startTime: "1" })).toBe(false);
	const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 1000"], {
		stdio: ["ignore", "pipe", "ignore"],
	});
	const zombie = Number(String(await new Promise((resolve) => parent.stdout.once("data", resolve))));
	await until(() => expect(readFileSync(`/proc/${zombie}/stat`, "utf8")).toContain(") Z "));
	expect(processIdentity(zombie)).toBeNull();
	parent.kill("SIGKILL");
});

const CODES = [
	["exit 137", "exit 137", 137, null],
	["exit 145, as gemini on a refused login", "exit 145", 145, null],
	["exit 173, as gemini on a rate limit", "exit 173", 173, null],
	["an exit of 143 by who was asked to end", "trap 'exit 143' TERM; kill -TERM $$", 143, null],
	["SIGKILL", "kill -KILL $$", 137, "SIGKILL"],
	["SIGTERM", "kill -TERM $$", 143, "SIGTERM"],
	["SIGSEGV", "ulimit -c 0; kill -SEGV $$", 139, "SIGSEGV"],
	["SIGINT", "kill -INT $$", 130, "SIGINT"],
	["a signal after many words", "echo Killed >&2; kill -KILL $$", 137, "SIGKILL"],
	["words that look like a signal's", "echo Killed >&2; exit 137", 137, null],
] as const;

test.each(CODES)("how it ended is known: %s", async (_name, script, code, signal) => {
	const { run } = await started(script);
	await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code, signal }));
	expect(log(run)).toBe(script.includes("echo") ? "Killed\n" : "");
});

test("who left the group, emptied the environment and killed the wrapper is found by what it inherited", async () => {
	const hidden = "trap '' TERM; echo $$; kill -9 $1; while [ -d $PWD ]; do sleep 0.05; done";
	const { run } = await started('setsid env -i PATH="$PATH" /bin/sh -c "$1" sh $PPID & wait', hidden);
	await until(() => expect(log(run)).toMatch(/^\d+\n$/));
	const pid = Number(log(run));
	await until(() => expect(markedPids(run.facts.nonce)).not.toContain(pid));
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	await endTree(run, { graceMs: 100 });
	await until(() => expect(processIdentity(pid)).toBeNull());
	expect(agentStatus(run)).toEqual({ kind: "gone" });
});

test("hundreds that left the group and emptied their environment end with the tree", async () => {
	const many =
		"n=0; while [ $n -lt 300 ]; do setsid env -i sleep 1000 & n=$((n + 1)); done; echo ready; wait";
	const { run, home } = await started(many);
	await until(() => expect(log(run)).toBe("ready\n"));
	await until(() => expect(processesOf(home).length).toBeGreaterThanOrEqual(300));
	await endTree(run, { graceMs: 100 });
	await until(() => expect(processesOf(home)).toEqual([]));
	expect(["gone", "exited"]).toContain(agentStatus(run).kind);
});

test("after the end of its tree an agent is gone, whoever still holds its FIFO", async () => {
	const { run, home } = await started("echo ready; exec sleep 1000");
	await until(() => expect(log(run)).toBe("ready\n"));
	// A holder that cannot be told from one who only looks: it opened the FIFO anew.
	const stranger = spawn("sh", ["-c", 'exec sleep 1000 3<"$1"', "sh", join(run.path, "alive")], {
		cwd: home,
	});
	await until(() => expect(readFileSync(`/proc/${stranger.pid}/cmdline`, "latin1")).toContain("sleep"));
	await endTree(run, { graceMs: 100 });
	expect(["gone", "exited"]).toContain(agentStatus(run).kind);
	expect(processIdentity(stranger.pid ?? 0)).not.toBeNull();
	stranger.kill("SIGKILL");
});

test("every start of every task that lives is known, whatever happened to another one's directory", async () => {
	const { run, home } = await started("exec sleep 1000");
	mkdirSync(join(home, "runs/other/3"), { recursive: true });
	writeFileSync(join(home, "runs/stray"), "");
	symlinkSync("/nonexistent", join(home, "runs/link"));
	expect(liveRuns(home)).toEqual({ live: [run], checks: [], unknown: [] });
});
