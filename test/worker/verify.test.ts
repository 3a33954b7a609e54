import { afterEach, expect, test } from "vitest";
import { checkOf } from "../../src/process/end-run.ts";
import { endTree } from "../../src/process/end-tree.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { verify } from "../../src/worker/verify.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const DAY_MS = 86_400_000;
const NOW = 1_700_000_000_000;
const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" };

let run: RunDir;
afterEach(() => endTree(checkOf(run), { graceMs: 0 }));

function ended(): RunDir {
	const cwd = temporaryFolder("verify");
	const facts = { task: "t", epoch: 1, nonce: `n${Math.random()}`, backend: "b", cwd, taskDir: cwd };
	run = claimRun(temporaryFolder("home"), { ...facts, startedAt: NOW, sessionId: null }) as RunDir;
	return run;
}

test("a clock that is moved by a day, forward or back, ends no check", async () => {
	ended();
	for (const now of [NOW, NOW + DAY_MS, NOW - DAY_MS, NOW])
		expect(await verify(run, "sleep 60", env, now)).toEqual({ kind: "running" });
});

test("its limit comes, though the clock was set back", async () => {
	ended();
	await verify(run, "sleep 60", env, NOW, 1_000);
	await expect
		.poll(() => verify(run, "sleep 60", env, NOW - DAY_MS, 1_000))
		.toMatchObject({ kind: "failed", how: "it did not end within 30 minutes" });
});
