/** Ends all of a start: its agent, and the check (`--verify`) that may have come after it. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endTree, sweepMarked } from "./end-tree.ts";
import { liveNonces, type Owner } from "./processes.ts";
import { ownerOf, type RunDir } from "./run-dir.ts";

/** The mark of a start's check: one of its own, so that the sweep of the agent's processes does not end it. */
function checkNonce(nonce: string): string {
	return `${nonce}-verify`;
}

const CHECK = /-verify$/;

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
	await sweepMarked(checkNonce(run.facts.nonce), ownerOf(run));
}

/** At once, by the marks alone. @returns how many processes it killed */
export async function sweepRun(nonce: string, owner: Owner): Promise<number> {
	return (await sweepMarked(nonce, owner)) + (await sweepMarked(checkNonce(nonce), owner));
}

const LOOKS = 5;
const LOOK_MS = 2;

/** The starts of which something lives on this machine. Looked for several times: a chain that forks anew is missed by one. */
export async function liveStarts(): Promise<string[]> {
	const found = new Set<string>();
	for (let looks = 0; looks < LOOKS; looks++) {
		for (const nonce of liveNonces()) found.add(nonce.replace(CHECK, ""));
		await sleep(LOOK_MS);
	}
	return [...found];
}
