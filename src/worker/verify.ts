/**
 * `--verify`: a command of the user's own that has the last word on "completed". It runs as an agent does,
 * detached in a run directory of its own below the agent's, so that it outlives this daemon and is never
 * started twice; every look at the task asks whether it is over.
 */
import { mkdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { agentStatus, startAgent } from "../process/agent.ts";
import { diskError, isThere, replaceFile } from "../process/atomic-file.ts";
import { checkOf } from "../process/end-run.ts";
import { endTree, sweepMarked, sweepTree } from "../process/end-tree.ts";
import { faultPoint } from "../process/fault.ts";
import { upMs } from "../process/identity.ts";
import { tailLines } from "../process/log-tail.ts";
import { inDirectory, removeTree } from "../process/opened-directory.ts";
import { clearPlace, type RunDir } from "../process/run-dir.ts";
import { type Looks, readSealed, type Seals, writeSealed } from "../process/sealed-file.ts";

const LIMIT_MS = 30 * 60_000;
const TERM_GRACE_MS = 2_000;
const TAIL_LINES = 40;
const BEGUN_LIMIT_BYTES = 32;
const BEGUN = "begun";

export type Verdict =
	| { kind: "running" }
	| { kind: "passed" }
	| { kind: "failed"; how: string; tail: string[] }
	/** the command itself cannot be run: no work of the agent's would change that */
	| { kind: "refused"; why: string };

export interface Wanted {
	command: string;
	env: Record<string, string>;
	/** how long it may take, in ms */
	limitMs?: number;
	/** asked before one that was ended half-way begins anew. @returns false: that was so often that it is given up */
	mayRepeat?: () => Promise<boolean>;
}

/** Begins the check of an ended run, or looks how it is. @throws DISPATCH_DISK, DISPATCH_KEY_UNUSABLE, and what keeps it from looking */
export async function verify(run: RunDir, wanted: Wanted, seals: Seals): Promise<Verdict> {
	const { limitMs = LIMIT_MS } = wanted;
	const check = checkOf(run);
	faultPoint("verify.begin", run.facts.task);
	if (!isThere(check.path)) return begin(run, wanted, seals);
	faultPoint("verify.look", run.facts.task);
	const begunAt = begunHere(run, seals);
	if (begunAt === null) return beginAnew(run, wanted, seals);
	const status = agentStatus(check);
	switch (status.kind) {
		case "alive":
			if (upMs() - begunAt < limitMs) return { kind: "running" };
			await endTree(check, { graceMs: TERM_GRACE_MS });
			return { kind: "failed", how: "it did not end within 30 minutes", tail: tailOf(check) };
		case "exited":
			if (status.code === 0) return { kind: "passed" };
			return { kind: "failed", how: `exit code ${status.code}`, tail: tailOf(check) };
		default:
			// It ended with our own processes, or never began: once more.
			return beginAnew(run, wanted, seals);
	}
}

/** Whether this host has begun the check of an ended run: from then on what changes in the worktree may be the check's. */
export function hasBegun(run: RunDir, seals: Looks): boolean {
	return begunHere(run, seals) !== null;
}

/** @returns what the check of an ended run printed last; null when there was none, or it passed */
export function failedCheck(run: RunDir, seals: Seals): string[] | null {
	if (begunHere(run, seals) === null) return null;
	const check = checkOf(run);
	const status = agentStatus(check);
	return status.kind === "exited" && status.code !== 0 ? tailOf(check) : null;
}

/** Ends a check that nobody waits for any more. What is none of ours goes, as far as it can be removed. */
export async function endCheck(run: RunDir, seals: Seals): Promise<void> {
	const check = checkOf(run);
	if (!isThere(check.path)) return;
	await sweepMarked(check.facts.nonce);
	// What stays of it is believed by nobody.
	await removeForeign(run, seals).catch(() => {});
}

async function removeForeign(run: RunDir, seals: Seals): Promise<void> {
	if (begunHere(run, seals) === null) await remove(run);
}

/** In a fresh directory: nobody of an earlier one may go on beside it. */
async function beginAnew(run: RunDir, wanted: Wanted, seals: Seals): Promise<Verdict> {
	if (wanted.mayRepeat !== undefined && !(await wanted.mayRepeat()))
		return { kind: "refused", why: "each time it was killed before it was over, and took its shell along" };
	await sweepTree(checkOf(run));
	await remove(run);
	return begin(run, wanted, seals);
}

/** In turns: an agent may have put a million files there. */
async function remove(run: RunDir): Promise<void> {
	const { path } = checkOf(run);
	clearPlace({ path });
	const done = await inDirectory(dirname(path), [], (opened) => removeTree(opened, basename(path)));
	if (done !== undefined && done.kind === "refused") throw diskError(path, new Error(done.why));
}

/** By a file: a command line has a length that the system limits. */
async function begin(run: RunDir, { command, env }: Wanted, seals: Seals): Promise<Verdict> {
	if (command.includes("\0")) return { kind: "refused", why: "it holds a NUL character" };
	const check = checkOf(run);
	mkdirSync(check.path, { mode: 0o700 });
	const script = join(check.path, "check.sh");
	try {
		// Before any process: one that lives has this mark beside it.
		writeSealed(check, BEGUN, `up ${upMs()}`, seals);
		replaceFile(script, `${command}\n`);
	} catch (error) {
		// What was never begun is no check that was killed: that would count.
		rmSync(check.path, { recursive: true, force: true });
		throw error;
	}
	faultPoint("verify.made", check.facts.task);
	await startAgent(check, { argv: ["sh", script], cwd: check.facts.cwd, env });
	return { kind: "running" };
}

/**
 * In a file: not every file system knows when a directory was made. Sealed: the agent, whose files these are too, may
 * have put something in its place. The seal is of this start's check and this moment, and a start has one check: what
 * it said is settled with the start, so that nobody needs a seal of its verdict. A check in flight that another version
 * sealed otherwise is ended and run once more.
 * @returns when this host began the check, as `upMs`: whoever looks later reads the same clock, which nobody moves. What
 * was begun before a reboot lives no more. null: it did not. @throws DISPATCH_KEY_UNUSABLE
 */
function begunHere(run: RunDir, seals: Looks): number | null {
	const says = readSealed(checkOf(run), BEGUN, BEGUN_LIMIT_BYTES, seals);
	const [, at] = /^up (\d+)$/.exec(says ?? "") ?? [];
	return at === undefined ? null : Number(at);
}

const tailOf = (check: RunDir) => tailLines(check.logPath, TAIL_LINES);
