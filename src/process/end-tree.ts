/**
 * Ends everything that belongs to a run. Members are known by DISPATCH_RUN in their environment, so that
 * a process that left the group, or whose pid is somebody else's now, is neither missed nor mistaken. The
 * wrapper's process group is signalled too: it reaches a process that emptied its environment, and it is
 * all there is where the environment of others cannot be read (macOS). Last, whoever still holds the run's FIFO.
 */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { isHeld, isWrapperAlive, markEnded, wrapperPid } from "./agent.ts";
import { codeOf } from "./atomic-file.ts";
import { isLeftByLiving, Killed } from "./ending.ts";
import { holdersOf } from "./holders.ts";
import { isLive, readStat } from "./identity.ts";
import { isOthers, Looks, listPids, marked, markedPids, type Owner } from "./processes.ts";
import { ownerOf, type RunDir } from "./run-dir.ts";

/** Looks at an unchanged list of processes that prove that nothing is left. */
const STILL_SCANS = 3;
/** Looks that missed nobody, each of which proves it; one by itself may be read while the pids begin anew. */
const WHOLE_SCANS = 2;
/** Where processes come and go, one empty scan proves nothing against a chain that forks anew (measured). */
const EMPTY_SCANS = 10;
const LATE_LOOK_MS = 150;
const EMPTY_SCAN_MS = 1;
const SCAN_MS = 15;
const GRACE_LOOK_MS = 30;
const SCANS_MAX = 400;
const TURN_MS = 25;
/** Once it has written its exit, a wrapper ends itself at once. */
const WRAPPER_LOOKS = 20;
const WRAPPER_LOOK_MS = 1;

/** @param target a pid, or a process group as a negative number; @returns whether there was one */
function signal(target: number, name: NodeJS.Signals | 0): boolean {
	try {
		return process.kill(target, name);
	} catch (error) {
		// ESRCH: it ended by itself. EPERM: it is there, and not ours.
		return codeOf(error) !== "ESRCH";
	}
}

/**
 * SIGTERM to all, the grace time, then SIGKILL to what is left. Each process gets SIGTERM once: to some
 * programs a second one means "at once".
 */
export async function endTree(run: RunDir, options: { graceMs: number }): Promise<void> {
	const nonce = nonceOf(run);
	const known = groupOrFault(run);
	let { group } = known;
	const outside = [...marked(nonce, listPids())].filter(({ stat }) => stat.processGroup !== group);
	// A stopped process takes no SIGTERM before it goes on.
	for (const name of ["SIGTERM", "SIGCONT"] as const) {
		if (group !== null) signal(-group, name);
		for (const { pid, stat } of outside) if (readStat(pid)?.startTime === stat.startTime) signal(pid, name);
	}
	const until = performance.now() + options.graceMs;
	for (;;) {
		// Once it was seen empty, its number may be given to others.
		if (group !== null && !isGroupAlive(group)) group = null;
		if (group === null && markedPids(nonce).length === 0) break;
		if (performance.now() >= until) break;
		await sleep(GRACE_LOOK_MS);
	}
	if (group !== null) signal(-group, "SIGKILL");
	await sweepTree(run);
	// All that is known without the group is ended by now; whether that was all is to be seen again.
	if (known.fault !== undefined) throw known.fault;
	markEnded(run);
}

/** An agent can keep us from reading its group (a lease on the file): that keeps nothing else of it alive. */
function groupOrFault(run: RunDir): { group: number | null; fault?: unknown } {
	try {
		return { group: groupOf(run) };
	} catch (fault) {
		return { group: null, fault };
	}
}

/** Empty where it is another start's that the agent has written there: what it holds open tells it all the same. */
function nonceOf(run: RunDir): string {
	const { nonce } = run.facts;
	return isOthers(nonce, ownerOf(run)) ? "" : nonce;
}

/** Kills what is left of a run: who emptied its environment and left the group still has what all of it inherit. */
export async function sweepTree(run: RunDir): Promise<void> {
	await endOfWrapper(run);
	await sweepMarked(nonceOf(run));
	for (let look = 0; look < SCANS_MAX; look++) {
		let found = false;
		let turnAt = performance.now();
		for (const pid of holdersOf(run)) {
			found = signal(pid, "SIGKILL") || found;
			// There may be thousands: others have their turn.
			if (performance.now() - turnAt > TURN_MS) {
				await setImmediate();
				turnAt = performance.now();
			}
		}
		if (!found) break;
		await sleep(SCAN_MS);
	}
	await isLeftByLiving(() => isHeldAsFarAsKnown(run));
}

/** An agent can keep us from looking: whoever asks next is told. */
function isHeldAsFarAsKnown(run: RunDir): boolean {
	try {
		return isHeld(run);
	} catch {
		return false;
	}
}

/** Killed in its last moment, it would be taken for a sign that more is left. */
async function endOfWrapper(run: RunDir): Promise<void> {
	const pid = wrapperOrNull(run);
	for (let look = 0; pid !== null && look < WRAPPER_LOOKS; look++) {
		const stat = readStat(pid);
		if (stat === null || !isLive(stat) || stat.processGroup !== pid) return;
		await sleep(WRAPPER_LOOK_MS);
	}
}

/** An agent can keep us from reading it: who lives is found without. */
function wrapperOrNull(run: RunDir): number | null {
	try {
		return wrapperPid(run);
	} catch {
		return null;
	}
}

/** The wrapper's process group while it is surely this run's: a member carries its mark, or the wrapper lives. */
function groupOf(run: RunDir): number | null {
	const group = wrapperPid(run);
	if (group === null || readStat(process.pid)?.processGroup === group) return null;
	const pids = listPids();
	for (const { stat } of marked(nonceOf(run), pids)) if (stat.processGroup === group) return group;
	return isWrapperAlive(run) ? group : null;
}

function isGroupAlive(group: number): boolean {
	// A zombie still takes signals; only /proc tells it from a live process.
	if (process.platform !== "linux") return signal(-group, 0);
	return listPids().some((pid) => {
		const stat = readStat(pid);
		return stat !== null && stat.processGroup === group && isLive(stat);
	});
}

/**
 * Kills every process of a run until none is left.
 * @param owner whose they are to be: others that carry the nonce are left alone
 * @returns how many it killed
 */
export async function sweepMarked(nonce: string, owner: Owner = {}): Promise<number> {
	if (isOthers(nonce, owner)) return 0;
	const killed = new Killed();
	const looks = new Looks();
	let empty = 0;
	let still = 0;
	let whole = 0;
	let before = "";
	for (let scan = 0; scan < SCANS_MAX; scan++) {
		const began = performance.now();
		const pids = listPids();
		const isKilled = killMarked(nonce, pids, killed, looks);
		const areEnding = !isKilled && killed.areEnding();
		const found = isKilled || areEnding;
		empty = found ? 0 : empty + 1;
		if (!found && !looks.hasMissed) whole += 1;
		const now = pids.join();
		still = !found && now === before ? still + 1 : 1;
		before = now;
		// Nothing was there, and nobody of it went while we looked: the common case costs no wait.
		if (!found && killed.size === 0 && (still >= STILL_SCANS || whole >= WHOLE_SCANS)) break;
		if (empty > EMPTY_SCANS) break;
		const waitMs = found ? SCAN_MS : empty === EMPTY_SCANS ? LATE_LOOK_MS : EMPTY_SCAN_MS;
		// Who forks anew is met at once; whoever only ends needs nobody who looks.
		await sleep(areEnding ? Math.max(waitMs, performance.now() - began) : waitMs);
	}
	return killed.size;
}

function killMarked(nonce: string, pids: readonly number[], killed: Killed, looks: Looks): boolean {
	let found = false;
	for (const member of marked(nonce, pids, looks)) {
		found = true;
		killed.add(member);
		signal(member.pid, "SIGKILL");
	}
	return found;
}
