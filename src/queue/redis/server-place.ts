/** Where the local server of a state directory keeps its data, its lock and its socket. */
import { createHash } from "node:crypto";
import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	statSync,
} from "node:fs";
import { basename, join } from "node:path";
import { takerOf } from "../../process/place-holders.ts";
import { heldPath, holdsAt, isSameFile, listPids, look, numbersOf } from "../../process/processes.ts";
import { isOurTrouble, readRegularFile } from "../../process/read-file.ts";
import { DispatchError } from "../../task/errors.ts";

export interface ServerPlace {
	/** the state directory */
	home: string;
	/** data, log and lock */
	dir: string;
	lock: string;
	/** what the server writes, which has a lock, too: who had locked `dir` at its start has not locked both */
	data: string;
	log: string;
	pidFile: string;
	/** the folder of the socket: `dir`, or a short one where the platform's limit is exceeded */
	socketDir: string;
	socketPath: string;
}

/** sun_path without its closing NUL. */
const SOCKET_PATH_BYTES = process.platform === "darwin" ? 103 : 107;
/** Not os.tmpdir(): every process of the user must come to the same path, whatever its TMPDIR. */
const SHORT_ROOT = "/tmp";
/** The server inherits its lock here (`inherits` of startInBackground). */
export const LOCK_FD = 3;

export function serverPlace(home: string): ServerPlace {
	const dir = join(realPath(home), "redis");
	const socketDir = shortEnough(join(dir, "redis.sock")) ? dir : join(SHORT_ROOT, shortName(dir));
	return {
		home,
		dir,
		lock: join(dir, "lock"),
		data: join(dir, "appendonlydir"),
		log: join(dir, "redis.log"),
		pidFile: join(dir, "redis.pid"),
		socketDir,
		socketPath: join(socketDir, "redis.sock"),
	};
}

function realPath(path: string): string {
	return existsSync(path) ? realpathSync(path) : path;
}

function shortEnough(path: string): boolean {
	return Buffer.byteLength(path) <= SOCKET_PATH_BYTES;
}

function shortName(dir: string): string {
	const hash = createHash("sha256").update(dir).digest("hex").slice(0, 16);
	return `dispatch-${process.getuid?.() ?? 0}-${hash}`;
}

/** Makes the folders, readable by their owner only. @throws DISPATCH_DISK */
export function preparePlace(place: ServerPlace): void {
	try {
		mkdirSync(place.dir, { recursive: true, mode: 0o700 });
		chmodSync(place.dir, 0o700);
		if (place.socketDir !== place.dir) mkdirSync(place.socketDir, { recursive: true, mode: 0o700 });
	} catch (error) {
		throw new DispatchError(
			"DISPATCH_DISK",
			`The folder of the local Redis cannot be made: ${(error as Error).message}`,
			{
				hint: "Give another state directory by DISPATCH_HOME, or make this one writable.",
				cause: error,
			},
		);
	}
	checkSocketDir(place);
}

/** Anybody may make a folder in /tmp: one that is not ours alone is never used. @throws DISPATCH_DISK */
export function checkSocketDir({ dir, socketDir }: ServerPlace): void {
	if (socketDir === dir) return;
	const facts = lstatSync(socketDir, { throwIfNoEntry: false });
	if (facts === undefined) return;
	const isOurs = facts.uid === (process.getuid?.() ?? facts.uid);
	if (facts.isDirectory() && isOurs && (facts.mode & 0o077) === 0) return;
	throw new DispatchError("DISPATCH_DISK", `${socketDir} is not a directory of this user alone.`, {
		hint: "Remove it, or give a shorter state directory by DISPATCH_HOME.",
	});
}

/** Leaves nothing in /tmp; call it under the lock only. */
export function removeSocketDir({ dir, socketDir }: ServerPlace): void {
	if (socketDir !== dir) rmSync(socketDir, { recursive: true, force: true });
}

const PID_LIMIT_BYTES = 64;

/** @returns the process that is this directory's server; null when there is none */
export function serverPid(place: ServerPlace): number | null {
	return pidInFile(place) ?? serversAt(place)[0] ?? null;
}

function pidInFile(place: ServerPlace): number | null {
	try {
		const file = readRegularFile(place.pidFile, PID_LIMIT_BYTES);
		const pid = file.kind === "text" ? Number(file.text) : Number.NaN;
		return Number.isInteger(pid) && pid > 1 && isHolder(pid, place) ? pid : null;
	} catch (error) {
		if (isOurTrouble(error)) throw error;
		return null;
	}
}

/** What is told, by whichever way it was asked, of a local server that says nothing. @param limitMs how long it was asked */
export function silentServer(place: ServerPlace, limitMs: number): DispatchError {
	const pid = serverPid(place);
	const message = `The local Redis of ${place.dir} did not answer within ${limitMs / 1_000} s.`;
	const hint =
		pid === null
			? `${heldText(place)}See ${place.log}, then try again.`
			: `It is process ${pid}. If it is stopped, \`kill -CONT ${pid}\`; else \`dispatch down\` ends it; see ${place.log}.`;
	return new DispatchError("DISPATCH_REDIS_UNREACHABLE", message, { hint });
}

/** Who keeps each server from starting where none runs; empty: nobody is seen. */
export function heldText({ dir }: ServerPlace): string {
	const taker = takerOf(dir);
	if (taker === null) return "";
	return `Process ${taker.pid} (${taker.command}) holds it and does not serve it: \`kill ${taker.pid}\` ends it. `;
}

/**
 * The servers that were started in the directory and live, whatever was removed or replaced there since: the system
 * goes on to call what they hold by its path. Empty where there is no /proc.
 */
export function serversAt({ dir, lock, socketPath }: ServerPlace): number[] {
	const there = numbersOf(dir);
	// A link may lead to it.
	const isIn = (pid: number) =>
		heldPath(pid, "cwd") === dir || isSameFile(numbersOf(`/proc/${pid}/cwd`), there);
	// The tool that takes the lock has the same descriptor, and works elsewhere.
	return listPids().filter((pid) => isServer(pid, socketPath) && isIn(pid) && holdsAt(pid, LOCK_FD, lock));
}

const SERVER_PROGRAM = /^(redis|valkey)-/;

/** Whether the process is a Redis server: by its program or, where that has another name, by what it was started with. */
export function isServer(pid: number, socketPath: string): boolean {
	if (SERVER_PROGRAM.test(basename(heldPath(pid, "exe") ?? ""))) return true;
	const words = look(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "";
	return SERVER_PROGRAM.test(words) && words.includes(socketPath);
}

const LISTENS = "00010000";

/**
 * Whether a server listens at a socket: at that of a path, or at any. If nobody can connect to it by its path, that was removed or replaced, and
 * nobody ever will. False where there is no /proc.
 */
export function listens(pid: number, path?: string): boolean {
	const rows = look(() => readFileSync(`/proc/${pid}/net/unix`, "latin1")) ?? "";
	const numbers = rows
		.split("\n")
		.map((row) => row.trim().split(/\s+/))
		.filter((columns) => columns[3] === LISTENS)
		.filter((columns) => path === undefined || columns.slice(7).join(" ") === path)
		.map((columns) => `socket:[${columns[6]}]`);
	const own = look(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
	return own.some((fd) => numbers.includes(heldPath(pid, `fd/${fd}`) ?? ""));
}

/** A file with a pid in it proves nothing, since pids are given again; the inherited lock does. */
function isHolder(pid: number, place: ServerPlace): boolean {
	if (process.platform !== "linux") return process.kill(pid, 0);
	if (!isServer(pid, place.socketPath)) return false;
	return isSameFile(statSync(`/proc/${pid}/fd/${LOCK_FD}`), statSync(place.lock));
}
