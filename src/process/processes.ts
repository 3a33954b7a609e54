/**
 * The processes of this machine, and which of them belong to a run: those that carry its mark DISPATCH_RUN in
 * their environment. A process that is gone, or another user's, is none of ours; a look that fails for another
 * reason is thrown, since "I could not look" is not "nobody is there".
 */
import {
	closeSync,
	constants,
	openSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	realpathSync,
	type Stats,
	statSync,
} from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "./atomic-file.ts";
import { isLive, readStat, type Stat } from "./identity.ts";
import { isShortage } from "./read-file.ts";
import { readProc } from "./read-proc.ts";

export interface Member {
	pid: number;
	stat: Stat;
}

const GONE = ["ENOENT", "ESRCH"];
const NOT_OURS = ["EACCES", "EPERM"];

/** What a look into /proc gives; null: the process is gone, or nobody's that we may look at. */
export function look<T>(read: () => T): T | null {
	try {
		return read();
	} catch (error) {
		if ([...GONE, ...NOT_OURS].includes(codeOf(error) ?? "")) return null;
		throw error;
	}
}

/** Live processes of a run; a zombie is dead. */
export function markedPids(nonce: string): number[] {
	return [...marked(nonce, listPids())].map(({ pid }) => pid);
}

/**
 * What several looks at the processes learn. A look finds all of a run if whoever was listed is still there: one that
 * ended in between may have forked, and one that is becoming another program shows no environment.
 */
export class Looks {
	/** processes without an environment that are known to start nothing: the kernel's, and zombies of an earlier look */
	readonly idle = new Set<number>();
	/** of this look: it may have missed somebody */
	hasMissed = false;
}

/** Lazy: who signals at once hits a process before it forks on, and before its pid can be another's. */
export function* marked(
	nonce: string,
	pids: readonly number[],
	looks: Looks = new Looks(),
): Generator<Member> {
	looks.hasMissed = false;
	// Nobody's: any process may have the variable, and nothing in it.
	if (nonce === "") return;
	const marker = `DISPATCH_RUN=${nonce}`;
	for (const pid of pids) {
		if (pid === process.pid || looks.idle.has(pid)) continue;
		const environ = environOf(pid);
		if (environ === null || (environ !== "" && !hasIn(environ, marker))) continue;
		const stat = readStat(pid);
		if (environ !== "" && stat !== null && isLive(stat)) {
			yield { pid, stat };
			continue;
		}
		if (stat?.isKernels !== true) looks.hasMissed = true;
		if (stat !== null && (stat.isKernels || !isLive(stat))) looks.idle.add(pid);
	}
}

/** @returns empty: it is gone, or has none; null: another user's, or of a program that hides it */
function environOf(pid: number): string | null {
	const own = environAt(pid);
	return own === "" ? environAt(shownBy(pid)) : own;
}

function environAt(thread: number): string | null {
	try {
		return readProc(`/proc/${thread}/environ`);
	} catch (error) {
		if (GONE.includes(codeOf(error) ?? "")) return "";
		if (NOT_OURS.includes(codeOf(error) ?? "")) return null;
		throw error;
	}
}

/** Under which number a process shows what it has: a first thread that has ended has nothing, while others work on. */
function shownBy(pid: number): number {
	const stat = readStat(pid);
	if (stat === null || stat.state !== "Z" || !isLive(stat)) return pid;
	const threads = (look(() => readdirSync(`/proc/${pid}/task`)) ?? []).map(Number);
	return threads.find((thread) => !["Z", "X", undefined].includes(readStat(thread)?.state)) ?? pid;
}

/** Processes that are ending, and have not ended: those that we may signal, since no other one may hold what is ours. */
export function endingOnes(): Member[] {
	return listPids().flatMap((pid) => {
		const [stat, shown] = [readStat(pid), readStat(shownBy(pid))];
		const isEnding = stat !== null && shown?.isEnding === true && isLive(shown);
		return isEnding && maySignal(pid) ? [{ pid, stat }] : [];
	});
}

/** Also where it has ended by now. */
function maySignal(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch (error) {
		return codeOf(error) !== "EPERM";
	}
}

/** Whether that very process has not ended. */
export function isStillLive({ pid, stat }: Member): boolean {
	const now = readStat(pid);
	return now !== null && now.startTime === stat.startTime && isLive(now);
}

/** What else the processes of a start say of themselves; what is not given here is not looked at. */
export interface Owner {
	task?: string;
	/** the state directory's path */
	home?: string;
}

/**
 * A nonce may come from a file that an agent wrote, or from a Redis that serves another state directory: it must not
 * lead to somebody else's processes.
 * @returns whether those that carry it say of themselves that they are another task's, or another directory's
 */
export function isOthers(nonce: string, owner: Owner): boolean {
	if (owner.task === undefined && owner.home === undefined) return false;
	const said = [...marked(nonce, listPids())].map(({ pid }) => environmentOf(pid) ?? {});
	const isSaid = (name: string, own: (value: string) => boolean) => {
		const values = said.flatMap((env) => env[name] ?? []);
		// Whoever works on dispatch itself may give its children a directory of their own.
		return values.length > 0 && !values.some(own);
	};
	const { task, home } = owner;
	if (task !== undefined && isSaid("DISPATCH_TASK", (value) => value === task)) return true;
	return home !== undefined && isSaid("DISPATCH_HOME", (value) => isSamePath(value, home));
}

function isSamePath(a: string, b: string): boolean {
	return a === b || (look(() => realpathSync(a)) ?? a) === (look(() => realpathSync(b)) ?? b);
}

/** The nonces of all that live, as their processes carry them. */
export function liveNonces(): Set<string> {
	const found = new Set<string>();
	for (const pid of listPids()) {
		const environ = environOf(pid) ?? "";
		const nonce = /(?:^|\0)DISPATCH_RUN=([^\0]+)/.exec(environ)?.[1];
		if (nonce !== undefined && pid !== process.pid) found.add(nonce);
	}
	return found;
}

function hasIn(environ: string, marker: string): boolean {
	return environ.includes(marker) && environ.split("\0").includes(marker);
}

/** What a process was started with; null where the system does not show it. */
export function environmentOf(pid: number): Record<string, string> | null {
	const environ = look(() => readFileSync(`/proc/${shownBy(pid)}/environ`, "utf8"));
	if (environ === null) return null;
	const entries = environ.split("\0").filter(Boolean);
	return Object.fromEntries(
		entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
	);
}

/** Newest first: the head of a chain that forks anew is gone a moment later. Empty where there is no /proc. */
export function listPids(): number[] {
	return (look(() => readdirSync("/proc")) ?? [])
		.map(Number)
		.filter((pid) => Number.isSafeInteger(pid) && pid > 1)
		.sort((a, b) => b - a);
}

/** What a process has open. */
interface Held {
	/** also of a file that was removed or replaced since; another container's may read alike */
	path: string;
	/** null: gone, or nothing that we may look at */
	numbers(): Stats | null;
	/** see `mountAt` */
	isOn(mount: Mount): boolean;
}

/**
 * Other processes that hold a file open for reading and writing: the one that is there now, or one that was
 * removed or replaced since, which the system goes on to call by its path. Looks at every descriptor of this user's.
 * Lazy, as `marked` is.
 */
export function* pidsHolding(isMeant: (held: Held) => boolean): Generator<number> {
	for (const pid of listPids()) if (pid !== process.pid && holdsOne(pid, isMeant)) yield pid;
}

/** What a process has as `cwd` or as `fd/3`, also where it was removed since; null: nothing that we may look at. */
export function heldPath(pid: number, what: string): string | null {
	return look(() => readlinkSync(`/proc/${pid}/${what}`))?.replace(REMOVED, "") ?? null;
}

/** Other processes that hold the file of a path open, in whatever way. Empty where there is no /proc. */
export function pidsWithOpen(path: string): number[] {
	const real = look(() => realpathSync(path)) ?? path;
	return listPids().filter((pid) => {
		const isIt = (fd: string) => {
			const place = `/proc/${pid}/fd/${fd}`;
			return look(() => readlinkSync(place)) === real && isSameFile(numbersOf(place), numbersOf(real));
		};
		return pid !== process.pid && descriptorsOf(pid).some(isIt);
	});
}

/**
 * Whether a process of this user's has a descriptor on the file of a path, or on one that lay there before. The path
 * alone tells nothing: another container's process has its own files under the same ones.
 */
export function holdsAt(pid: number, fd: number, path: string): boolean {
	const place = `/proc/${pid}/fd/${fd}`;
	if (look(() => statSync(`/proc/${pid}`))?.uid !== process.getuid?.()) return false;
	return (
		isSameFile(numbersOf(place), numbersOf(path)) ||
		(heldPath(pid, `fd/${fd}`) === path && isOnMount(pid, String(fd), mountAt(dirname(path))))
	);
}

function holdsOne(of: number, isMeant: (held: Held) => boolean): boolean {
	const own = descriptorsOf(of);
	const pid = own.length > 0 ? of : shownBy(of);
	return (pid === of ? own : descriptorsOf(pid)).some((fd) => {
		const place = `/proc/${pid}/fd/${fd}`;
		const path = look(() => readlinkSync(place));
		// Pipes, sockets and the like have no path.
		if (!path?.startsWith("/")) return false;
		const numbers = () => (isReadWrite(pid, fd) ? numbersOf(place) : null);
		const isOn = (mount: Mount) => isOnMount(pid, fd, mount);
		return isMeant({ path: path.replace(REMOVED, ""), numbers, isOn }) && isReadWrite(pid, fd);
	});
}

export function descriptorsOf(pid: number): string[] {
	return look(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
}

/** null: gone, or on a file system that does not answer (a server that is away), where nothing of ours lies */
export function numbersOf(place: string): Stats | null {
	try {
		return statSync(place);
	} catch (error) {
		if (isShortage(error)) throw error;
		return null;
	}
}

export function isSameFile(a: Stats | null, b: Stats | null): boolean {
	return a !== null && b !== null && a.dev === b.dev && a.ino === b.ino;
}

const REMOVED = / \(deleted\)$/;
const ACCESS_MODE = 0o3;
const READ_WRITE = 0o2;

function isReadWrite(pid: number, fd: string): boolean {
	const flags = Number.parseInt(fieldOf(pid, fd, "flags") ?? "0", 8);
	return (flags & ACCESS_MODE) === READ_WRITE;
}

/** What tells whether a process means the same by a path. */
interface Mount {
	path: string;
	/** null: the system does not tell */
	id: string | null;
}

/**
 * The mount that a path lies on, by its nearest directory that is there. What was opened in another container, or
 * another mount namespace, was opened on another one, and whoever inherits a descriptor takes its mount along.
 */
export function mountAt(path: string): Mount {
	let fd: number;
	try {
		fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK);
	} catch (error) {
		if (isShortage(error)) throw error;
		const parent = dirname(path);
		return { path, id: parent === path ? null : mountAt(parent).id };
	}
	try {
		return { path, id: fieldOf("self", String(fd), "mnt_id") };
	} finally {
		closeSync(fd);
	}
}

/**
 * Another mount namespace has the same file systems by other mounts (a unit with PrivateTmp, after each restart): a
 * process of such a one is known by what it finds at the path itself.
 */
export function isOnMount(pid: number, fd: string, { path, id }: Mount): boolean {
	return id === null || fieldOf(pid, fd, "mnt_id") === id || findsAlike(pid, path);
}

function findsAlike(pid: number, path: string): boolean {
	return isSameFile(nearestAt("", path), nearestAt(`/proc/${pid}/root`, path));
}

/** Of a path below a root: itself, or its nearest directory that is there. */
function nearestAt(root: string, path: string): Stats | null {
	const numbers = numbersOf(root + path);
	return numbers !== null || path === dirname(path) ? numbers : nearestAt(root, dirname(path));
}

function fieldOf(pid: number | "self", fd: string, name: "flags" | "mnt_id"): string | null {
	const info = look(() => readProc(`/proc/${pid}/fdinfo/${fd}`)) ?? "";
	const row = info.split("\n").find((each) => each.startsWith(`${name}:`));
	return row?.slice(name.length + 1).trim() ?? null;
}

/** Clock ticks (1/100 s) of CPU time that the run's processes have used. */
export function cpuTicks(nonce: string): number {
	return [...marked(nonce, listPids())].reduce((sum, { stat }) => sum + stat.cpuTicks, 0);
}
