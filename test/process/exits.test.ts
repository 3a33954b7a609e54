/** Who is ending, or whose first thread has ended, shows no environment and no files under its own number, and lives. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { type AgentStart, agentStatus, startAgent } from "../../src/process/agent.ts";
import { endTree, sweepMarked, sweepTree } from "../../src/process/end-tree.ts";
import { holdersOf } from "../../src/process/holders.ts";
import { processIdentity, readStat } from "../../src/process/identity.ts";
import { descriptorsOf, environmentOf, liveNonces, markedPids } from "../../src/process/processes.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { giveLittleTime, killSlowly, LADEN } from "./little-time.ts";

const PATIENCE = { timeout: CONDITION_LIMIT_MS };

const THREADS = `
use threads; use POSIX ();
threads->create(sub { sleep 1000 })->detach;
$| = 1; print "$$\\n";
# Ends this one thread.
syscall((POSIX::uname())[4] eq "x86_64" ? 60 : 93, 0);
`;
const children: ChildProcess[] = [];
const runs: RunDir[] = [];
afterEach(async () => {
	for (const child of children.splice(0)) {
		child.kill("SIGKILL");
		if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
	}
	for (const run of runs.splice(0)) await sweepTree(run);
});

/** @returns the pid that the agent's first line tells */
async function started(argv: AgentStart["argv"]): Promise<{ run: RunDir; pid: number }> {
	const home = temporaryFolder("exits-");
	const facts = { task: "t", epoch: 1, nonce: newNonce(), backend: "fake", cwd: home, taskDir: home };
	const run = claimRun(home, { ...facts, startedAt: 1, sessionId: null }) as RunDir;
	runs.push(run);
	await startAgent(run, { argv, cwd: home, env: { PATH: process.env.PATH ?? "" } });
	await expect.poll(() => readFileSync(run.logPath, "utf8"), PATIENCE).toMatch(/^\d+\n$/);
	return { run, pid: Number(readFileSync(run.logPath, "utf8")) };
}

test("a process whose first thread has ended lives, is known by its mark and is killed", async () => {
	const nonce = newNonce();
	const env = { PATH: process.env.PATH, DISPATCH_RUN: nonce };
	const child = spawn("perl", ["-e", THREADS], { stdio: ["ignore", "pipe", "inherit"], env });
	children.push(child);
	const pid = child.pid ?? 0;
	await expect.poll(() => readStat(pid)?.state, PATIENCE).toBe("Z");
	expect(processIdentity(pid)).not.toBeNull();
	expect(environmentOf(pid)).toMatchObject({ DISPATCH_RUN: nonce });
	expect([...liveNonces()]).toContain(nonce);
	expect(markedPids(nonce)).toEqual([pid]);
	const exit = once(child, "exit");
	expect(await sweepMarked(nonce)).toBe(1);
	expect(await exit).toEqual([null, "SIGKILL"]);
});

test("one that left the group and emptied its environment besides is known by its FIFO", async () => {
	const { run, pid } = await started(["setsid", "env", "-i", "perl", "-e", THREADS]);
	await expect.poll(() => readStat(pid)?.state, PATIENCE).toBe("Z");
	expect(markedPids(run.facts.nonce)).not.toContain(pid);
	expect([...holdersOf(run)]).toContain(pid);
	expect(agentStatus(run)).toEqual({ kind: "alive" });
	await endTree(run, { graceMs: 100 });
	expect(processIdentity(pid)).toBeNull();
	expect([...holdersOf(run)]).toEqual([]);
});

/** `$1` is the program, which has neither the mark nor the group. */
const HIDDEN = 'setsid env -i PATH="$PATH" perl -e "$1" & wait';

test.each([
	["its files", () => true],
	["nothing", (pid: number) => descriptorsOf(pid).length === 0],
])("who is ending when a tree is swept has ended after it, while it shows %s", async (_what, isSo) => {
	const { run, pid } = await started(["sh", "-c", HIDDEN, "sh", LADEN]);
	await killSlowly(pid);
	await expect.poll(() => isSo(pid), { ...PATIENCE, interval: 1 }).toBe(true);
	await sweepTree(run);
	expect(processIdentity(pid)).toBeNull();
	expect([...holdersOf(run)]).toEqual([]);
});

test("whom a sweep has killed has ended after it", async () => {
	const nonce = newNonce();
	const env = { PATH: process.env.PATH, DISPATCH_RUN: nonce };
	const child = spawn("perl", ["-e", LADEN], { stdio: ["ignore", "pipe", "inherit"], env });
	children.push(child);
	await once(child.stdout as NodeJS.ReadableStream, "data");
	const pid = child.pid ?? 0;
	giveLittleTime(pid);
	expect(await sweepMarked(nonce)).toBe(1);
	expect(processIdentity(pid)).toBeNull();
});
