/** Ends all of a start: its agent, and the check (`--verify`) that may have come after it. */
import { join } from "node:path";
import { endTree, sweepMarked } from "./end-tree.ts";
import type { RunDir } from "./run-dir.ts";

/** The mark of a start's check: one of its own, so that the sweep of the agent's processes does not end it. */
function checkNonce(nonce: string): string {
	return `${nonce}-verify`;
}

/** Where the check of a start runs: as an agent does, in a run directory of its own below that of the start. */
export function checkOf(run: RunDir): RunDir {
	const path = join(run.path, "verify");
	return {
		path,
		logPath: join(path, "agent.log"),
		facts: { ...run.facts, nonce: checkNonce(run.facts.nonce) },
	};
}

/** Whether a run is the start that is named by `nonce`, or its check. */
export function isOfStart(run: RunDir, nonce: string | null): boolean {
	return nonce !== null && [nonce, checkNonce(nonce)].includes(run.facts.nonce);
}

/** Gently. @throws when it cannot be known whether something is left */
export async function endRun(run: RunDir, options: { graceMs: number }): Promise<void> {
	await endTree(run, options);
	await sweepMarked(checkNonce(run.facts.nonce));
}

/** At once, by the marks alone. @returns how many processes it killed */
export async function sweepRun(nonce: string): Promise<number> {
	return (await sweepMarked(nonce)) + (await sweepMarked(checkNonce(nonce)));
}
