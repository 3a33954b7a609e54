/**
 * The local Redis of a state directory: started by the first command that needs it, alive until it is
 * stopped, reachable through a unix socket only.
 *
 * One server per directory: two would write one append-only file. The starter takes a kernel lock on the directory,
 * on that of the data and on a file, and the server inherits the descriptors, so the lock is held for exactly as long as the server
 * lives, whether it works, loads or hangs, and whatever is removed there. Who does not get the lock waits for the holder's server; an unanswered ping never
 * justifies a start. kill -9 of the starter or of the server frees the lock and leaves nothing to repair.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Background, startInBackground } from "../../process/background.ts";
import { environmentOfProgram } from "../../process/environment.ts";
import { type PlaceLock, takePlaceLock } from "../../process/lock.ts";
import { lockedOut } from "../../process/place-holders.ts";
import { numbersOf } from "../../process/processes.ts";
import { hasNoRoom, readRegularFile } from "../../process/read-file.ts";
import { claimWriter } from "../../process/writer-mark.ts";
import { DispatchError } from "../../task/errors.ts";
import { diskOfServerFull } from "./connect.ts";
import { findRedisServer, installHint, type RedisServerProgram } from "./find-redis-server.ts";
import { movedServers, settleMoved } from "./moved-server.ts";
import {
	checkSocketDir,
	heldText,
	listens,
	preparePlace,
	removeSocketDir,
	type ServerPlace,
	serverPid,
	serverPlace,
	serversAt,
	silentServer,
} from "./server-place.ts";
import { askServer } from "./server-socket.ts";

export interface ServerLimits {
	/** how long a server may be silent or starting */
	answerMs: number;
	/** how long it may read its data */
	loadingMs: number;
}

const LIMITS: ServerLimits = { answerMs: 20_000, loadingMs: 60_000 };
const PING_LIMIT_MS = 1_000;
const LOOK_MS = 20;
const LOOK_MAX_MS = 250;
/** Somebody who locks a file of ours for a moment keeps no server from starting. */
const STRANGER_LIMIT_MS = 2_000;
/** An orderly end takes milliseconds; with appendfsync always a kill loses nothing either. */
const STOP_LIMIT_MS = 10_000;
const KILL_LIMIT_MS = 5_000;
const LOG_TAIL_LINES = 3;
const LOG_LIMIT_BYTES = 1024 * 1024;
const HOME_ID_BYTES = 256;

export interface LocalTarget {
	socketPath: string;
	dataDir: string;
}

interface HomePath {
	/** the state directory */
	path: string;
}

/** Where the directory's server listens, or would. @throws DISPATCH_DISK for a folder that is not ours alone */
export function localTarget(home: HomePath): LocalTarget {
	const place = serverPlace(home.path);
	checkSocketDir(place);
	return { socketPath: place.socketPath, dataDir: place.dir };
}

/** A line for people, of what was done to find the data again. */
type Warn = (line: string) => void;

/**
 * Makes sure that the directory's server runs and answers.
 * @throws DISPATCH_NO_REDIS_SERVER, DISPATCH_REDIS_UNREACHABLE, DISPATCH_DISK, DISPATCH_LOCKED
 */
export async function ensureLocalServer(
	home: HomePath,
	warn: Warn = () => {},
	limits: ServerLimits = LIMITS,
): Promise<LocalTarget> {
	const place = serverPlace(home.path);
	const { socketPath, dir: dataDir } = place;
	checkSocketDir(place);
	const answer = await askServer(socketPath, "PING", PING_LIMIT_MS);
	if (answer !== "ready") {
		settleMoved(place, warn);
		preparePlace(place);
		await startOrWait(place, limits);
	}
	return { socketPath, dataDir };
}

async function startOrWait(place: ServerPlace, limits: ServerLimits): Promise<void> {
	const begun = performance.now();
	let limitMs = limits.answerMs;
	let started: Background | null = null;
	let strangerSince: number | null = null;
	for (
		let lookMs = LOOK_MS;
		performance.now() - begun < limitMs;
		lookMs = Math.min(lookMs * 2, LOOK_MAX_MS)
	) {
		const answer = await askServer(place.socketPath, "PING", Math.min(PING_LIMIT_MS, limits.answerMs));
		if (answer === "ready") return;
		if (answer === "loading") limitMs = limits.loadingMs;
		if (answer === "absent" && started === null) {
			const lock = await takePlaceLock(place.lock, place.data);
			try {
				const isThere = await endUnreachable(place, performance.now() - begun > limits.answerMs / 2);
				if (!isThere && lock !== null) started = await startServer(place, lock);
				else if (!isThere) strangerSince = requireNoStranger(place, strangerSince);
			} finally {
				// A server has its own hold on the lock by now; ours would outlive it.
				lock?.release();
			}
		}
		const fault = started?.fault() ?? null;
		if (fault !== null) throw didNotStart(place, fault);
		await sleep(lookMs);
	}
	throw silentServer(place, limitMs);
}

/**
 * @param since when a stranger was seen first; null: not before
 * @returns the same for the next look
 * @throws DISPATCH_LOCKED, when another program has had the lock for more than a moment
 */
function requireNoStranger({ lock, data }: ServerPlace, since: number | null): number | null {
	const lockedBy = lockedOut(lock) ?? lockedOut(data);
	if (lockedBy === null) return null;
	const now = performance.now();
	if (since !== null && now - since > STRANGER_LIMIT_MS) throw lockedBy;
	return since ?? now;
}

/**
 * A server whose socket was removed or replaced can be reached by nobody any more, and serves on whom it has: it ends in
 * good order, with all that it acknowledged on its disk. Its clients connect anew, and find the next one.
 * @param isLong it was waited for long enough: what does not hear that is killed, and nothing acknowledged is lost by it
 * @returns whether a server of this directory lives, whichever files of it are left
 */
async function endUnreachable(place: ServerPlace, isLong: boolean): Promise<boolean> {
	const servers = serversAt(place);
	const moved = pidsOfMoved(place);
	if (isLong) signal(moved, "SIGKILL");
	// One that has just come up may be asked by now.
	if (
		servers.some((pid) => listens(pid)) &&
		(await askServer(place.socketPath, "PING", PING_LIMIT_MS)) === "absent"
	)
		signalServers(place, "SIGTERM");
	// One whose directory was moved removes what stands at its socket's path with its end: that of the next one.
	return servers.length + moved.length > 0;
}

const pidsOfMoved = (place: ServerPlace) => movedServers(place).map(({ pid }) => pid);

async function startServer(place: ServerPlace, lock: PlaceLock): Promise<Background> {
	await claimPlace(place.home);
	// Again, now that nobody else can be stopping the server: a stop removes what it can.
	preparePlace(place);
	const program = findRedisServer(process.env, place.home);
	if (program === null) {
		throw new DispatchError(
			"DISPATCH_NO_REDIS_SERVER",
			"No redis-server is installed and no Redis address is given.",
			{ hint: installHint() },
		);
	}
	return spawnServer(program, place, lock.fds);
}

/** Another machine's lock on the same files may not be seen here. @throws DISPATCH_OTHER_WRITER */
async function claimPlace(home: string): Promise<void> {
	const id = readRegularFile(join(home, "home-id"), HOME_ID_BYTES);
	if (id.kind === "text") await claimWriter(home, id.text.trim());
}

function spawnServer(
	program: RedisServerProgram,
	place: ServerPlace,
	inherits: readonly number[],
): Background {
	return startInBackground({
		isPrivate: true,
		file: program.file,
		argv0: program.argv0,
		args: serverArguments(place),
		cwd: place.dir,
		env: serverEnv(place, program.libraries),
		log: { path: place.log, flags: "a" },
		inherits,
	});
}

function serverArguments(place: ServerPlace): string[] {
	const settings = {
		port: "0",
		unixsocket: place.socketPath,
		unixsocketperm: "700",
		dir: place.dir,
		pidfile: place.pidFile,
		logfile: place.log,
		daemonize: "no",
		appendonly: "yes",
		appendfsync: "always",
		save: "",
		"maxmemory-policy": "noeviction",
	};
	return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

function serverEnv(place: ServerPlace, libraries: string | null): NodeJS.ProcessEnv {
	const own = libraries === null ? {} : { LD_LIBRARY_PATH: libraries };
	return { ...environmentOfProgram(process.env), ...own, DISPATCH_HOME: place.home };
}

/**
 * For who may be connected to another server than the one at the path: no look at /proc where the socket is the same.
 * @param known the socket as this returned it before; null: not known
 */
export function settleIfMoved(home: HomePath, known: string | null, warn: Warn): string | null {
	const place = serverPlace(home.path);
	const socket = numbersOf(place.socketPath);
	const now = socket === null ? null : `${socket.dev}:${socket.ino}`;
	if (now === null || now !== known) settleMoved(place, warn);
	return now;
}

/** Whether the directory's server lives; a hanging one does. */
export function localServerState(home: HomePath): "running" | "stopped" {
	return serverPid(serverPlace(home.path)) === null ? "stopped" : "running";
}

/**
 * Ends the directory's server and waits until its lock is free; one that does not listen is killed.
 * @returns false when none ran
 * @throws DISPATCH_REDIS_UNREACHABLE when it cannot be ended
 */
export async function stopLocalServer(home: HomePath, warn: Warn = () => {}): Promise<boolean> {
	const place = serverPlace(home.path);
	settleMoved(place, warn);
	if (!existsSync(place.dir) && serversAt(place).length === 0) return false;
	checkSocketDir(place);
	const begun = performance.now();
	for (let ran = false; ; ran = true) {
		const lock = await takePlaceLock(place.lock, place.data);
		try {
			// Without its lock, too: somebody removed that, or the whole directory.
			const isGone = [...serversAt(place), ...movedServers(place)].length === 0;
			if (isGone && lock !== null) removeSocketDir(place);
			if (isGone && (lock !== null || (lockedOut(place.lock) ?? lockedOut(place.data)) !== null)) return ran;
		} finally {
			lock?.release();
		}
		const waitedMs = performance.now() - begun;
		if (waitedMs > STOP_LIMIT_MS + KILL_LIMIT_MS) throw doesNotEnd(place);
		if (waitedMs > STOP_LIMIT_MS) signalServers(place, "SIGKILL");
		// It may have lost its socket; a server that is on its way out does not mind.
		else if ((await askServer(place.socketPath, "SHUTDOWN NOSAVE", PING_LIMIT_MS)) === "absent")
			signalServers(place, "SIGTERM");
		await sleep(LOOK_MS);
	}
}

function signalServers(place: ServerPlace, name: "SIGTERM" | "SIGKILL"): void {
	const own = serverPid(place);
	signal([...serversAt(place), ...pidsOfMoved(place), ...(own === null ? [] : [own])], name);
}

function signal(pids: readonly number[], name: "SIGTERM" | "SIGKILL"): void {
	for (const pid of new Set(pids))
		try {
			process.kill(pid, name);
		} catch {
			// It ended in between.
		}
}

function didNotStart(place: ServerPlace, fault: string): DispatchError {
	if (hasNoRoom(place.dir)) return diskOfServerFull(place.dir, new Error(fault));
	const log = readRegularFile(place.log, LOG_LIMIT_BYTES);
	const said = log.kind === "text" ? log.text : "";
	const lines = said.trimEnd().split("\n").slice(-LOG_TAIL_LINES);
	const message = `The local Redis did not start: ${fault}. It said: ${lines.join(" / ") || "nothing"}`;
	return new DispatchError("DISPATCH_REDIS_UNREACHABLE", message, {
		hint: `See ${place.log}, or name another Redis by DISPATCH_REDIS_URL.`,
	});
}

function doesNotEnd(place: ServerPlace): DispatchError {
	return new DispatchError("DISPATCH_REDIS_UNREACHABLE", `The local Redis of ${place.dir} does not end.`, {
		hint: `${heldText(place)}Its lock ${place.lock} is still held: see ${place.log}.`,
	});
}
