/** Starts the daemon of a state directory from another process, and says what it does. Its end: stop.ts. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import type { Home } from "../config/home.ts";
import { type Address, addressOf, directoriesOf } from "../config/state-directory.ts";
import { type Background, startInBackground } from "../process/background.ts";
import { type Environment, environmentOfDaemon } from "../process/environment.ts";
import { isFrozen, sameProcess } from "../process/identity.ts";
import { takePlaceLock } from "../process/lock.ts";
import { lockedOut, placeTaker, takerOf } from "../process/place-holders.ts";
import { LOCAL_ADDRESS, LOCAL_PLACE, placeOf } from "../task/address.ts";
import { DispatchError, EXIT } from "../task/errors.ts";
import { isDaemonFileDamaged, lockPath, logPath, readDaemonFile } from "./files.ts";
import { type Difference, differences, type Surroundings, surroundingsOf } from "./surroundings.ts";

/** What agents of the running worker get otherwise than a command with this environment. */
export function workerDiffers(home: Home, config: Config, env: Environment): Difference[] {
	const worker = daemonState(home)?.surroundings ?? null;
	return worker === null ? [] : differences(worker, surroundingsOf(env, config, home), config.env);
}

const READY_LIMIT_MS = 60_000;
const STARTS_MAX = 5;
export const LOOK_MS = 20;
/** Longer than a start takes, and until a daemon has looked at its file again. */
export const NAME_LIMIT_MS = 15_000;
/** A program that locks a file of ours for a moment keeps no worker from starting. */
const STRANGER_LIMIT_MS = 2_000;
/** Each look starts a program. */
const LOCK_LOOK_MS = 250;
const LOG_TAIL_LINES = 5;

export interface DaemonState {
	pid: number;
	/** the one address that it serves */
	redis: string;
	/** the host as which it runs; null: it does not tell */
	host: string | null;
	/** why it goes by the config as it was before; null where it goes by the file */
	configFault: string | null;
	/** why its Redis refuses it: it can do nothing until it is started anew; null where it does not */
	redisFault: string | null;
	/** null: it does not tell */
	surroundings: Surroundings | null;
	/** it starts nothing more */
	draining: boolean;
	/** it is stopped (SIGSTOP) and does nothing until it goes on */
	frozen: boolean;
}

/** @returns the daemon that takes this directory's jobs, or null */
export function daemonState(home: Pick<Home, "path">): DaemonState | null {
	const file = readDaemonFile(home.path);
	if (file === null || !file.ready || !sameProcess(file.identity)) return null;
	const { identity, redis, host, configFault, redisFault, surroundings, draining } = file;
	const { pid } = identity;
	return { pid, redis, host, configFault, redisFault, surroundings, draining, frozen: isFrozen(pid) };
}

/** Where nobody can tell whether a worker runs here, since its word of itself is damaged; else null. */
export function damagedText({ path }: Pick<Home, "path">): string | null {
	if (!isDaemonFileDamaged(path)) return null;
	return `What the worker here says of itself (${path}/daemon.json) is damaged. A worker that runs writes it anew in a moment; if none does, \`dispatch up\` starts one.`;
}

/**
 * A directory is one address's, and its daemon serves that: unless an earlier version started it, or somebody has
 * changed the directory's address since.
 * @throws DISPATCH_ALREADY_RUNNING
 */
export function requireServes(home: Home, redisUrl: string | null): void {
	const running = daemonState(home);
	const wanted = placeOf(redisUrl);
	if (running === null || running.redis === wanted) return;
	throw new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`The worker of ${home.path} (pid ${running.pid}) serves ${running.redis}, not ${wanted}, whose directory this is.`,
		{ hint: "`dispatch up --restart` puts one that serves it in its place; agents run on." },
	);
}

/**
 * A directory's worker may have another address than who asks (`requireServes`), or another name.
 * @returns what it does instead, to go behind "the worker"; null: it works for this host and address
 */
export function otherwise(
	{ redis, host }: Pick<DaemonState, "redis" | "host">,
	home: Pick<Home, "hostId"> | null,
	redisUrl: string | null,
): string | null {
	const wanted = placeOf(redisUrl);
	if (redis !== wanted) return `serves ${redis}, not ${wanted}`;
	if (host === null || home === null || host === home.hostId) return null;
	return `runs as the host ${host}, not ${home.hostId} (DISPATCH_HOST_ID)`;
}

export interface OtherWorker {
	pid: number;
	/** the address that it serves, without user and password; null: the local server */
	redis: string | null;
	/** its state directory */
	path: string;
}

/** The workers of this user that serve other addresses. */
export function otherWorkers({ base, path }: Pick<Home, "base" | "path">): OtherWorker[] {
	return directoriesOf(base)
		.filter((each) => each !== path)
		.flatMap((each) => {
			const worker = daemonState({ path: each });
			return worker === null ? [] : [{ pid: worker.pid, redis: servedBy(worker, each), path: each }];
		});
}

/** The directory's own word also says whether it is spoken encrypted. Where it is damaged, that is told there. */
function servedBy({ redis }: DaemonState, path: string): string | null {
	let said: Address | null = null;
	try {
		said = addressOf(path);
	} catch {
		// Its worker has said enough for who looks from elsewhere.
	}
	if (said !== null && placeOf(said.url) === redis) return said.url;
	return redis === LOCAL_PLACE ? null : redis;
}

/** "redis://h:6379/0 (pid 7): `dispatch down --redis redis://h:6379/0`" */
export function otherWorkerText({ pid, redis }: OtherWorker, command: string): string {
	const how = `\`dispatch ${command} --redis ${redis ?? LOCAL_ADDRESS}\``;
	return `Another worker of yours (pid ${pid}) serves ${redis ?? LOCAL_PLACE}: ${how}`;
}

/** Why a worker does nothing of what is asked of it, and what helps; null where it works. */
export function hindranceOf({ pid, frozen, redisFault }: DaemonState): string | null {
	if (frozen) return frozenText(pid);
	if (redisFault === null) return null;
	return `The worker (pid ${pid}) can do nothing: ${redisFault} \`dispatch up --restart\` gives it this command's address; agents run on.`;
}

/** What to say of a worker that somebody stopped. */
export function frozenText(pid: number): string {
	return `The worker (pid ${pid}) is stopped (SIGSTOP) and does nothing until it goes on: kill -CONT ${pid}`;
}

export interface StartedDaemon {
	pid: number;
	/** false: it ran already */
	started: boolean;
	draining: boolean;
	/** why what is asked of it waits; null where it does not */
	hindrance: string | null;
}

/**
 * Makes sure that a daemon runs, and waits until it takes jobs. Its output goes to `daemon.log`.
 * @throws DISPATCH_NO_WORKER with what it said last, DISPATCH_ALREADY_RUNNING
 */
export async function startDaemon(home: Home, redisUrl: string | null): Promise<StartedDaemon> {
	requireServes(home, redisUrl);
	const running = daemonState(home);
	if (running !== null) {
		const { pid, draining } = running;
		const instead = otherwise(running, home, redisUrl);
		if (instead !== null)
			throw new DispatchError(
				"DISPATCH_ALREADY_RUNNING",
				`No worker runs on ${home.hostId}: that of ${home.path} (pid ${pid}) ${instead}.`,
				{
					hint: "`dispatch up --restart` puts one of this host in its place, agents run on; or give this command the variable as the worker has it.",
				},
			);
		return { pid, started: false, draining, hindrance: hindranceOf(running) };
	}
	const start = () =>
		startInBackground({
			file: process.execPath,
			args: [...process.execArgv, process.argv[1] ?? "", "worker", "--background"],
			cwd: home.path,
			env: backgroundEnv(home, redisUrl),
			log: { path: logPath(home.path), flags: "a" },
		});
	return { pid: await untilReady(home, start), started: true, draining: false, hindrance: null };
}

async function untilReady(home: Home, start: () => Background): Promise<number> {
	const until = performance.now() + READY_LIMIT_MS;
	let child = start();
	let starts = 1;
	let lookAt = 0;
	let heldSince: number | null = null;
	while (performance.now() < until) {
		const state = daemonState(home);
		if (state !== null) return state.pid;
		// Ours may have ended because another one was faster: that one is as good, if it lives.
		const now = performance.now();
		if (child.fault() !== null && now >= lookAt) {
			lookAt = now + LOCK_LOOK_MS;
			if (await isLockFree(home.path)) {
				// Who held the directory at that moment has left it since: a look, or a worker that was stopped.
				if (child.exitCode() !== EXIT.conflict || starts === STARTS_MAX) break;
				child = start();
				starts += 1;
				heldSince = null;
			} else {
				requireAwake(home.path);
				heldSince ??= now;
				if (now - heldSince > STRANGER_LIMIT_MS) requireNoStranger(home.path);
				if (now - heldSince > NAME_LIMIT_MS && isDaemonFileDamaged(home.path))
					throw heldBySomebody(home.path);
			}
		}
		await sleep(LOOK_MS);
	}
	if (heldSince !== null) throw heldBySomebody(home.path);
	throw new DispatchError("DISPATCH_NO_WORKER", `The worker did not start: ${lastWords(home.path)}`, {
		hint: `See ${logPath(home.path)}, or run \`dispatch worker\` to watch it start.`,
	});
}

/** One that is stopped says nothing, however long it is waited for. @throws DISPATCH_ALREADY_RUNNING */
export function requireAwake(home: string): void {
	const pid = placeTaker(home);
	if (pid === null || !isFrozen(pid)) return;
	throw new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`A worker (pid ${pid}) holds ${home} and does not answer: it is stopped (SIGSTOP).`,
		{ hint: `kill -CONT ${pid} lets it go on; kill -9 ${pid} ends it, and its agents run on.` },
	);
}

/** No worker has the directory, and none can take it. @throws DISPATCH_LOCKED */
export function requireNoStranger(home: string): void {
	const lockedBy = lockedOut(lockPath(home));
	if (lockedBy !== null) throw lockedBy;
}

/** Where no worker says that it is the one that has the directory. */
export function heldBySomebody(home: string): DispatchError {
	const taker = takerOf(home);
	const who = taker === null ? "A worker" : `Process ${taker.pid} (${taker.command})`;
	const found =
		taker === null ? "`ps -eo pid,args | grep dispatch` shows it, and `kill PID`" : `\`kill ${taker.pid}\``;
	return new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`${who} holds ${home} as a worker does, and daemon.json there does not name it: it still starts, is of an earlier version, or is none.`,
		{ hint: `Repeat this in a moment; else ${found} ends it.` },
	);
}

/** Whether no daemon holds the directory. */
export async function isLockFree(home: string): Promise<boolean> {
	const lock = await takePlaceLock(lockPath(home));
	lock?.release();
	return lock !== null;
}

/**
 * A daemon that is started from inside an agent, a hook or a script belongs to none of them. The address may
 * hold a password: it goes by the environment, since everybody may read a command line.
 */
export function backgroundEnv(home: Home, redisUrl: string | null): NodeJS.ProcessEnv {
	// The local one too: the config, or a REDIS_URL, may name another one.
	const redis = { DISPATCH_REDIS_URL: redisUrl ?? LOCAL_ADDRESS };
	const env = environmentOfDaemon(process.env);
	// It works in another directory than the one that the caller's relative path is of.
	const config = env.DISPATCH_CONFIG ? { DISPATCH_CONFIG: home.configPath } : {};
	return { ...env, ...redis, ...config, DISPATCH_HOME: home.path };
}

function lastWords(home: string): string {
	const file = logPath(home);
	if (!existsSync(file)) return "it said nothing.";
	const lines = readFileSync(file, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES);
	return lines.map(saidIn).join(" / ") || "it said nothing.";
}

/** The message of a log line, whether pino wrote it or not. */
function saidIn(line: string): string {
	try {
		const { msg } = JSON.parse(line) as { msg?: string };
		return msg ?? line;
	} catch {
		return line;
	}
}
