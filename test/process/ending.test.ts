/** Who is ending is waited for before a start is refused. One that never ends is waited for once, within a limit in ms. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { sweepMarked } from "../../src/process/end-tree.ts";
import { isLeftByLiving } from "../../src/process/ending.ts";
import { readStat } from "../../src/process/identity.ts";
import { endingOnes } from "../../src/process/processes.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 20 };
const mayUnshare = spawnSync("unshare", ["-pf", "true"]).status === 0;

const childrenOf = (pid: number) =>
	readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

/**
 * The first process of a pid namespace ends last: it waits for another one there, which a stopped process does not take
 * away.
 * @param env of all but the stopped one @returns its pid, while it lives
 */
async function endsLast(env: Record<string, string> = {}): Promise<number> {
	const outer = spawn("unshare", ["-pf", "sleep", "1000"], {
		stdio: "ignore",
		env: { ...process.env, ...env },
	});
	const closed = [once(outer, "close")];
	await expect.poll(() => childrenOf(outer.pid ?? 0), LIMIT).toHaveLength(1);
	const first = childrenOf(outer.pid ?? 0)[0] ?? 0;
	const stopped = spawn("nsenter", ["-t", String(first), "-p", "sleep", "1000"], { stdio: "ignore" });
	closed.push(once(stopped, "close"));
	onTestFinished(async () => {
		process.kill(first, "SIGKILL");
		stopped.kill("SIGCONT");
		stopped.kill("SIGKILL");
		await Promise.all(closed);
	});
	await expect.poll(() => childrenOf(stopped.pid ?? 0), LIMIT).toHaveLength(1);
	stopped.kill("SIGSTOP");
	await expect.poll(() => readStat(stopped.pid ?? 0)?.state, LIMIT).toBe("T");
	return first;
}

/** @returns what says that something is left, takes that long for it, and counts */
function looksOf(ms: number) {
	const looks = { taken: 0 };
	const isLeft = () => {
		looks.taken += 1;
		const until = performance.now() + ms;
		while (performance.now() < until);
		return true;
	};
	return { looks, isLeft };
}

/** Two where nobody is waited for. */
async function looksUntilAnswer(limitMs?: number): Promise<number> {
	const { looks, isLeft } = looksOf(0);
	expect(await isLeftByLiving(isLeft, limitMs)).toBe(true);
	return looks.taken;
}

const isEnding = (pid: number) => endingOnes().some((each) => each.pid === pid);

test.skipIf(!mayUnshare)("one that never ends is waited for by time, and not again", async () => {
	const first = await endsLast();
	process.kill(first, "SIGKILL");
	await expect.poll(() => isEnding(first), LIMIT).toBe(true);
	const [lookMs, limitMs] = [50, 500];
	const before = looksOf(lookMs);
	expect(await isLeftByLiving(before.isLeft, limitMs)).toBe(true);
	expect(before.looks.taken).toBeGreaterThan(2);
	expect(before.looks.taken).toBeLessThanOrEqual(limitMs / lookMs + 2);
	// Others of this machine may be ending, too.
	await expect.poll(() => looksUntilAnswer(limitMs), LIMIT).toBe(2);
});

test.skipIf(!mayUnshare)("one that a sweep has killed and that never ends is waited for once", async () => {
	const nonce = `never-${process.pid}`;
	const first = await endsLast({ DISPATCH_RUN: nonce });
	expect(await sweepMarked(nonce)).toBe(2);
	expect(isEnding(first)).toBe(true);
	await expect.poll(() => looksUntilAnswer(), LIMIT).toBe(2);
});

test("where nothing is left, one look is enough", async () => {
	const { looks, isLeft } = looksOf(0);
	expect(await isLeftByLiving(() => !isLeft())).toBe(false);
	expect(looks.taken).toBe(1);
});
