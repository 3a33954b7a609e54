/** The exit code of a setup is what ran before the agent has left: what an agent writes there later is none. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSigner, sealsOf } from "../../src/config/signing-key.ts";
import { agentStatus, startAgent } from "../../src/process/agent.ts";
import { endTree } from "../../src/process/end-tree.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { orNothing, type Seals } from "../../src/process/sealed-file.ts";
import { afterSetup, failedSetup } from "../../src/worker/setup.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const ENV = { PATH: process.env.PATH ?? "/usr/bin:/bin" };

interface Ran {
	run: RunDir;
	seals: Seals;
	cwd: string;
	home: string;
}

/** @returns the start once setup and agent have ended */
async function ran(command: string, agent: string, given?: string): Promise<Ran> {
	const home = temporaryFolder("setup");
	const cwd = temporaryFolder("setup-cwd");
	const seals = sealsOf(home);
	const facts = {
		task: "t",
		epoch: 1,
		nonce: given ?? openSigner(home).newNonce(),
		backend: "b",
		cwd,
		taskDir: cwd,
	};
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null }) as RunDir;
	const argv = afterSetup(run, { command, mark: join(home, "mark"), argv: ["sh", "-c", agent] }, seals);
	onTestFinished(() => endTree(run, { graceMs: 0 }));
	await startAgent(run, { argv, cwd, env: { ...ENV, RUN: run.path } });
	await expect.poll(() => agentStatus(run).kind, { timeout: CONDITION_LIMIT_MS }).toBe("exited");
	return { run, seals, cwd, home };
}

test("a setup that fails says how, and no agent begins", async () => {
	const { run, seals } = await ran("echo no network; exit 7", "echo ran >ran");
	expect(failedSetup(run, seals)).toEqual({ how: "exit code 7", tail: ["no network"] });
});

test.each([
	["a code", "echo 7"],
	["a code with a seal of its own", "echo 7 AAAA"],
	["what it finds of the seal", 'echo 7 "$(cat "$RUN/setup.seal")"'],
	["nothing", "printf ''"],
])("what an agent writes after a setup that has succeeded (%s) is no setup's", async (_, words) => {
	const { run, seals } = await ran("true", `${words} >"$RUN/setup.code"; exit 1`);
	expect(failedSetup(run, seals)).toBeNull();
});

test("what the setup of a start of an earlier version left counts, which had no seal", async () => {
	const { run, seals } = await ran("echo no network; exit 7", "true", "0123456789abcdef");
	writeFileSync(join(run.path, "setup.code"), "7\n");
	expect(failedSetup(run, seals)).toEqual({ how: "exit code 7", tail: ["no network"] });
});

test("with a signing key that is damaged nobody can tell how a setup failed", async () => {
	const [good, failed] = [await ran("true", "true"), await ran("exit 7", "true")];
	for (const { home } of [good, failed]) writeFileSync(join(home, "signing-key"), "damaged");
	expect(failedSetup(good.run, good.seals)).toBeNull();
	expect(() => failedSetup(failed.run, failed.seals)).toThrow("is damaged");
	expect(failedSetup(failed.run, orNothing(failed.seals))).toBeNull();
});

test("a look at a start without a failed setup makes no signing key", async () => {
	const { run, seals, home } = await ran("true", "true");
	rmSync(join(home, "signing-key"));
	expect(failedSetup(run, seals)).toBeNull();
	expect(existsSync(join(home, "signing-key"))).toBe(false);
});

test("the seal of another start, and none, are no setup's", async () => {
	const failed = await ran("exit 7", "true");
	const { run, seals } = await ran("true", "true");
	const theirs = readFileSync(join(failed.run.path, "setup.code"), "utf8");
	for (const text of [theirs, "7\n"]) {
		writeFileSync(join(run.path, "setup.code"), text);
		expect(failedSetup(run, seals)).toBeNull();
	}
});

test("an agent finds the seal nowhere: not in its run's files, nor with the processes around it", async () => {
	const files = 'for f in "$RUN"/*; do [ -p "$f" ] || cat "$f"; done';
	const processes = "cat /proc/self/environ /proc/$PPID/environ /proc/$PPID/cmdline /proc/$$/cmdline";
	const { run, seals, cwd } = await ran("true", `{ ${files}; ${processes}; } >seen 2>&1; exit 0`);
	const seen = readFileSync(join(cwd, "seen"), "latin1");
	expect(seen).toContain("setup-runner.sh");
	expect(seen).not.toContain(seals.seal("setup.code", { start: run.facts.nonce }));
});
