import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { agentStatus, startAgent, wrapperPid } from "../../src/process/agent.ts";
import { cpuTicks, endTree, markedPids, sweepMarked } from "../../src/process/end-tree.ts";
import { processIdentity, sameProcess } from "../../src/process/identity.ts";
import { claimRun, listRuns, openRun, type RunDir, removeRuns } from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/store.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000, interval: 10 });
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

test("a start is claimed once, and what is claimed is found again", () => {
	const { home, run } = claim();
	expect(claimRun(home, run.facts)).toBeNull();
	expect(openRun(home, "t", 1)?.facts).toEqual(run.facts);
	expect(agentStatus(run)).toEqual({ kind: "never" });
	claim(home, 12);
	expect(listRuns(home)).toEqual([{ task: "t", epoch: 12 }]);
	writeFileSync(join(run.path, "run.json"), '{"task":"t"');
	expect(openRun(home, "t", 1)).toBeNull();
	removeRuns(home, "t");
	expect(listRuns(home)).toEqual([]);
});

test("output and exit code are recorded, the input is empty, the marks are in the environment", async () => {
	const { run } = await started(
		'cat; echo "$DISPATCH_RUN $DISPATCH_TASK $1"; echo err >&2; exit 7',
		"it's $(x)",
	);
	await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code: 7, signal: null }));
	expect(log(run)).toBe(`${run.facts.nonce} t it's $(x)\nerr\n`);
});

test("a missing program ends with 127", async () => {
	const { run } = await started("no-such-program-here");
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

test("an agent outlives the kill -9 of who started it", async () => {
	const { home } = claim();
	const module = (name: string) => JSON.stringify(join(import.meta.dirname, "../../src/process", name));
	// The starter is a process of its own: vitest's transform cannot follow, so it does what startAgent does.
	const file = join(home, "starter.mjs");
	const { build } = await import("esbuild");
	const contents = `import { startAgent } from ${module("agent.ts")}; import { claimRun } from ${module("run-dir.ts")};
		const facts = { task: "u", epoch: 1, nonce: "${newNonce()}", backend: "f", cwd: "${home}", taskDir: "${home}", startedAt: 1, sessionId: null };
		const run = claimRun("${home}", facts);
		await startAgent(run, { argv: ["sh", "-c", "echo one; while [ ! -e ${home}/go ]; do sleep 0.05; done; echo two"], cwd: "${home}", env: process.env });
		setInterval(() => {}, 1000);`;
	await build({
		stdin: { contents, resolveDir: home, loader: "ts" },
		bundle: true,
		platform: "node",
		format: "esm",
		outfile: file,
	});
	const starter = spawn(process.execPath, [file], { stdio: "ignore" });
	await until(() => expect(readFileSync(join(home, "runs/u/1/agent.log"), "utf8")).toBe("one\n"));
	const run = openRun(home, "u", 1) as RunDir;
	runs.push(run);
	starter.kill("SIGKILL");
	await new Promise((resolve) => starter.once("exit", resolve));
	expect(agentStatus(run)).toEqual({ kind: "alive" });
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
