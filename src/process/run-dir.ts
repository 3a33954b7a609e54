/**
 * `$DISPATCH_HOME/runs/<task>/<epoch>/`: what is known of one started agent. It can write there.
 *
 *   run.json  what was started    spawning  a process may exist    pid   the wrapper's
 *   alive     a FIFO held open    agent.log its output             exit  its status, written last
 *   shell.log what the wrapper's shell said: of a signal           ended its whole tree was ended by us
 *   identity.json  the wrapper's, so that no reused pid is ever signalled
 */
import {
	chmodSync,
	closeSync,
	fsyncSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	realpathSync,
	rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DispatchError } from "../task/errors.ts";
import { codeOf, diskError, isThere, publishNew } from "./atomic-file.ts";
import { inDirectory, removeEmpty, removeTree } from "./opened-directory.ts";
import { isLocked, isOurTrouble, isShortage, meansAbsent, readRegularFile } from "./read-file.ts";

export interface RunFacts {
	task: string;
	/** names one creation of the task; not there in runs of an earlier version */
	taskNonce?: string;
	epoch: number;
	/** in the environment of every process of the run, as DISPATCH_RUN */
	nonce: string;
	/** the backend's configured name */
	backend: string;
	cwd: string;
	taskDir: string;
	/** ms since the Unix epoch */
	startedAt: number;
	sessionId: string | null;
	/** of this host: `sealedOf`; not there in runs of an earlier version */
	seal?: string;
}

export interface RunDir {
	path: string;
	logPath: string;
	facts: RunFacts;
}

const FACTS_LIMIT_BYTES = 64 * 1024;

const FIFO = "alive";
const CLAIMS = 10;
const OWNER_ALL = 0o700;

const runsOf = (home: string) => join(home, "runs");
const runPath = (home: string, task: string, epoch: number) => join(runsOf(home), task, String(epoch));

/**
 * Claims a start: the directory is made exclusively and is safe on disk when this returns.
 * @returns null when it exists already
 * @throws DISPATCH_DISK
 */
export function claimRun(home: string, facts: RunFacts): RunDir | null {
	const path = runPath(home, facts.task, facts.epoch);
	try {
		makeNew(path);
		publishNew(join(path, "run.json"), JSON.stringify(facts));
		syncDirectory(path);
		syncDirectory(dirname(path));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
		throw new DispatchError(
			"DISPATCH_DISK",
			`The run directory ${path} cannot be made: ${(error as Error).message.replace(/\.$/, "")}.`,
			{ hint: "Free some space, or make the state directory writable.", cause: error },
		);
	}
	return asRun(path, facts);
}

/** The directory around it may go at this very moment: the earlier task of this id is removed. */
function makeNew(path: string): void {
	for (let left = CLAIMS; ; left--) {
		mkdirSync(dirname(path), { recursive: true, mode: OWNER_ALL });
		try {
			mkdirSync(path, { mode: OWNER_ALL });
			return;
		} catch (error) {
			if (codeOf(error) !== "ENOENT" || left === 1) throw error;
		}
	}
}

/** @returns whether anything stands in the place of a start, or of all of the task's. @throws DISPATCH_DISK */
export function isTaken(home: string, task: string, epoch: number): boolean {
	const path = runPath(home, task, epoch);
	const kind = kindAt(dirname(path));
	return kind === "other" ? isThere(path) || !lstatSync(dirname(path)).isDirectory() : kind === "link";
}

/**
 * @returns null when there is none, or what stands there are no facts of this run
 * @throws DISPATCH_DISK when it cannot be looked at: that is no sign that nothing was started
 */
export function openRun(home: string, task: string, epoch: number): RunDir | null {
	const path = runPath(home, task, epoch);
	const file = readRegularFile(join(path, "run.json"), FACTS_LIMIT_BYTES);
	if (isLocked(file)) throw new DispatchError("DISPATCH_DISK", `The run directory ${path} ${file.why}.`);
	const facts = file.kind === "text" ? factsIn(file.text, { task, epoch }) : null;
	return facts === null ? null : asRun(path, facts);
}

function factsIn(text: string, { task, epoch }: Pick<RunFacts, "task" | "epoch">): RunFacts | null {
	try {
		const facts = JSON.parse(text) as RunFacts;
		return facts.task === task && facts.epoch === epoch && typeof facts.nonce === "string" ? facts : null;
	} catch {
		return null;
	}
}

/**
 * The start that a record names: by the facts that this host sealed when it began. Where they cannot be read, or were
 * changed (the agent can reach them), the record's own word stands: how it ended lies beside them, and another task's
 * directory would be read, answered in, cleared. Locked is no other than damaged: its limits hold all the same.
 * @param sealed what of the facts this host has sealed: `sealedOf`
 * @returns null when there is no such directory, or it is another start's: of a task that another Redis had
 * @throws what `isOurTrouble`: it cannot be known at this moment
 */
export function openNamedRun(
	home: string,
	named: RunFacts,
	sealed: (facts: RunFacts) => "facts" | "claim" | null,
): RunDir | null {
	const path = runPath(home, named.task, named.epoch);
	clearPlace({ path });
	const file = readRegularFile(join(path, "run.json"), FACTS_LIMIT_BYTES);
	const facts = file.kind === "text" ? factsIn(file.text, named) : null;
	const by = facts === null ? null : sealed(facts);
	if (facts?.nonce === named.nonce)
		return asRun(path, { ...(by === "facts" ? facts : named), sessionId: facts.sessionId ?? null });
	// Another start's nonce that this host has not put there is an agent's: it would be a start that never was.
	return kindAt(path) === "nothing" || by !== null ? null : asRun(path, named);
}

/**
 * Before anything is read or written by its path: a link to another run's directory, in the place of its own or of the
 * task's, would lead there. We make none, and take it away: what was there is gone with what it led from. One that the
 * agent has closed to everybody is opened again: how it ended lies there. @throws what `isOurTrouble`
 */
export function clearPlace({ path }: Pick<RunDir, "path">): void {
	for (const each of [dirname(path), path]) {
		const kind = kindAt(each);
		if (kind === "link") rmSync(each, { force: true });
		if (kind === "closed") reopen(each);
	}
}

function reopen(path: string): void {
	try {
		chmodSync(path, OWNER_ALL);
	} catch (error) {
		// Another user's: then it stays closed.
		if (isOurTrouble(error)) throw error;
	}
}

/** What may not be looked at is there: the limits of a start hold all the same. @throws what `isOurTrouble` */
function kindAt(path: string): "nothing" | "link" | "closed" | "other" {
	try {
		const there = lstatSync(path, { throwIfNoEntry: false });
		if (there === undefined) return "nothing";
		if (there.isSymbolicLink()) return "link";
		return there.isDirectory() && (there.mode & OWNER_ALL) !== OWNER_ALL ? "closed" : "other";
	} catch (error) {
		if (isOurTrouble(error)) throw error;
		// A file stands in the place of the folder above.
		return meansAbsent(error) ? "nothing" : "other";
	}
}

/** Whose processes a run directory can be of, by its place: what stands in it the agent can write. */
export function ownerOf({ path, facts }: RunDir): { task: string; home: string } {
	const end = path.lastIndexOf(`/runs/${facts.task}/`);
	return { task: facts.task, home: end < 0 ? path : path.slice(0, end) };
}

function asRun(path: string, facts: RunFacts): RunDir {
	return { path, logPath: join(path, "agent.log"), facts };
}

/** What all processes of a run inherit, and hold as long as they live. */
export const fifoPath = (run: Pick<RunDir, "path">) => join(run.path, FIFO);

/**
 * @returns whether a path, as the system names what somebody holds open, is the FIFO of a start of the task. Not of a
 * check: that may leave something running on purpose
 */
export function fifosOf(home: string, task: string): (path: string) => boolean {
	const folder = `${join(runsOf(realpathSync(home)), task)}/`;
	return (path) => path.startsWith(folder) && START_FIFO.test(path.slice(folder.length));
}

const START_FIFO = /^\d+\/alive$/;

/** Every task that ever started here and was not removed. @throws when the directory cannot be read */
export function tasksWithRuns(home: string): string[] {
	return names(runsOf(home));
}

/** Whether the directory of a start is where it was made, and nobody took it away. @throws DISPATCH_DISK */
export function hasRunDir(home: string, task: string, epoch: number): boolean {
	return isThere(runPath(home, task, epoch));
}

/** The runs of one task that facts stand of, the newest first. @throws when they cannot be looked at */
export function runsOfTask(home: string, task: string): RunDir[] {
	const { runs, faults } = startsOfTask(home, task);
	if (faults.length > 0) throw faults[0];
	return runs;
}

export interface Starts {
	/** the newest first */
	runs: RunDir[];
	/** what stood against a look at others, or at all of them */
	faults: unknown[];
}

/** As `runsOfTask`, each start by itself: one that cannot be looked at hides none of the others. */
export function startsOfTask(home: string, task: string): Starts {
	const found: Starts = { runs: [], faults: [] };
	const look = (at: () => void) => {
		try {
			at();
		} catch (error) {
			found.faults.push(error);
		}
	};
	look(() => {
		for (const epoch of epochsOf(home, task))
			look(() => {
				const run = openRun(home, task, epoch);
				if (run !== null) found.runs.push(run);
			});
	});
	return found;
}

/** The starts of a task, the newest first. @throws when they cannot be read */
export function epochsOf(home: string, task: string): number[] {
	return names(join(runsOf(home), task))
		.map(Number)
		.filter(Number.isSafeInteger)
		.sort((a, b) => b - a);
}

/**
 * Deletes what is kept of a task's runs.
 * @param last of the task that was removed: a new one of this id counts on from there, and may have started already
 * @throws DISPATCH_DISK for what stays, and what `isOurTrouble`
 */
export async function removeRuns(home: string, task: string, last = Number.POSITIVE_INFINITY): Promise<void> {
	try {
		const done = await inDirectory(runsOf(home), [], async (runs) => {
			const starts = await inDirectory(runs, [task], async (opened) => {
				for (const name of opened.names(Number.POSITIVE_INFINITY))
					if (!(Number(name) > last)) await removeTree(opened, name);
			});
			if (starts !== undefined && isLocked(starts)) throw new Error(starts.why);
			if (starts === undefined) removeEmpty(runs, task);
			else await removeTree(runs, task);
			return true as const;
		});
		if (done !== true && isLocked(done)) throw new Error(done.why);
	} catch (error) {
		throw isOurTrouble(error) ? error : diskError(join(runsOf(home), task), error);
	}
}

function names(path: string): string[] {
	try {
		return readdirSync(path);
	} catch (error) {
		if (meansAbsent(error)) return [];
		// It passes, and has nothing to do with this directory.
		if (isShortage(error)) throw error;
		const why = (error as Error).message.split(",")[0];
		throw new DispatchError("DISPATCH_DISK", `What runs here cannot be looked at: ${path}: ${why}.`, {
			hint: "Make it a directory that you may read: until then nobody knows which agents live.",
			cause: error,
		});
	}
}

function syncDirectory(path: string): void {
	const directory = openSync(path, "r");
	try {
		fsyncSync(directory);
	} finally {
		closeSync(directory);
	}
}
