/**
 * `--verify`: a command of the user's own that has the last word on "completed". It runs as an agent does,
 * detached in a run directory of its own below the agent's, so that it outlives this daemon and is never
 * started twice; every look at the task asks whether it is over.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { agentStatus, runningFor, startAgent } from "../process/agent.ts";
import { isThere, replaceFile } from "../process/atomic-file.ts";
import { checkOf } from "../process/end-run.ts";
import { endTree, sweepMarked } from "../process/end-tree.ts";
import { faultPoint } from "../process/fault.ts";
import { tailLines } from "../process/log-tail.ts";
import { readRegularFile } from "../process/read-file.ts";
import type { RunDir } from "../process/run-dir.ts";

const LIMIT_MS = 30 * 60_000;
const TERM_GRACE_MS = 2_000;
const TAIL_LINES = 40;

export type Verdict =
	| { kind: "running" }
	| { kind: "passed" }
	| { kind: "failed"; how: string; tail: string[] }
	/** the command itself cannot be run: no work of the agent's would change that */
	| { kind: "refused"; why: string };

/** @param now ms since the Unix epoch; it counts only where a process does not tell how long it has been running */
export async function verify(
	run: RunDir,
	command: string,
	env: Record<string, string>,
	now: number,
	limitMs = LIMIT_MS,
): Promise<Verdict> {
	const check = checkOf(run);
	faultPoint("verify.begin", run.facts.task);
	if (!isThere(check.path)) return begin(check, command, env, now);
	faultPoint("verify.look", run.facts.task);
	const status = agentStatus(check);
	switch (status.kind) {
		case "alive":
			if ((runningFor(check) ?? now - begunAt(check, now)) < limitMs) return { kind: "running" };
			await endTree(check, { graceMs: TERM_GRACE_MS });
			return { kind: "failed", how: "it did not end within 30 minutes", tail: tailOf(check) };
		case "exited":
			if (status.code === 0) return { kind: "passed" };
			return { kind: "failed", how: `exit code ${status.code}`, tail: tailOf(check) };
		default:
			// It ended with our own processes, or never began: once more.
			rmSync(check.path, { recursive: true, force: true });
			return begin(check, command, env, now);
	}
}

/** @returns what the check of an ended run printed last; null when there was none, or it passed */
export function failedCheck(run: RunDir): string[] | null {
	const check = checkOf(run);
	if (!isThere(check.path)) return null;
	const status = agentStatus(check);
	return status.kind === "exited" && status.code !== 0 ? tailOf(check) : null;
}

/** Ends a check that nobody waits for any more. */
export async function endCheck(run: RunDir): Promise<void> {
	const check = checkOf(run);
	if (isThere(check.path)) await sweepMarked(check.facts.nonce);
}

/** By a file: a command line has a length that the system limits. */
async function begin(
	check: RunDir,
	command: string,
	env: Record<string, string>,
	now: number,
): Promise<Verdict> {
	if (command.includes("\0")) return { kind: "refused", why: "it holds a NUL character" };
	mkdirSync(check.path, { mode: 0o700 });
	replaceFile(begunPath(check), String(now));
	const script = join(check.path, "check.sh");
	replaceFile(script, `${command}\n`);
	faultPoint("verify.made", check.facts.task);
	await startAgent(check, { argv: ["sh", script], cwd: check.facts.cwd, env });
	return { kind: "running" };
}

const begunPath = (check: RunDir) => join(check.path, "begun");

/** In a file: not every file system knows when a directory was made. Where it is lost, the time counts from now. */
function begunAt(check: RunDir, now: number): number {
	const file = readRegularFile(begunPath(check), 64);
	const at = file.kind === "text" && file.text !== "" ? Number(file.text) : Number.NaN;
	if (Number.isFinite(at)) return at;
	replaceFile(begunPath(check), String(now));
	return now;
}

const tailOf = (check: RunDir) => tailLines(check.logPath, TAIL_LINES);
