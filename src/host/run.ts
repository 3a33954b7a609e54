/** `dispatch worker`: takes the host's lock, runs the daemon, and leaves on a signal. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Home } from "../config/home.ts";
import type { Config } from "../config/load.ts";
import { environmentOfDaemon, setDaemonUmask } from "../process/environment.ts";
import { processIdentity } from "../process/identity.ts";
import { type PlaceLock, takePlaceLock } from "../process/lock.ts";
import { lockedOut, takerOf } from "../process/place-holders.ts";
import type { Store } from "../queue/records/store.ts";
import type { Role } from "../queue/redis/connect.ts";
import { DispatchError } from "../task/errors.ts";
import { lockPath, removeStopRequest, type StopRequest, stopRequestFor, takeStopRequest } from "./files.ts";
import { openLog } from "./log.ts";
import { Daemon } from "./service.ts";

const STANDBY_LOOK_MS = 1_000;
/** Redis away, a hung disk: the process leaves all the same. */
const LEAVE_LIMIT_MS = 2_000;

/** What the daemon needs of the command line's context. */
export interface DaemonContext {
	env: Record<string, string | undefined>;
	home: Home;
	loadConfig(): Promise<Config>;
	/** the address that was given; null for the local server */
	redisUrl(): Promise<string | null>;
	store(role: Role): Promise<Store>;
}

export interface RunDaemonOptions {
	/** working agents at a time; the config's when not given */
	concurrency?: number;
	/** tells what happens to tasks while it runs; not there: started by `up` or by a command */
	foreground?: (say: (facts: object, line: string) => void, signal: AbortSignal) => Promise<void>;
	/** wait for the lock instead of leaving */
	standby: boolean;
}

/** Returns when the daemon was stopped by SIGTERM or SIGINT. */
export async function runDaemon(context: DaemonContext, options: RunDaemonOptions): Promise<void> {
	const { home } = context;
	// In the foreground too: what describes a shell or a script is nobody else's business.
	const env = environmentOfDaemon(context.env);
	setDaemonUmask();
	const isWatched = options.foreground !== undefined && process.stderr.isTTY === true;
	const log = openLog(env.DISPATCH_LOG_LEVEL || "info", { isForPeople: isWatched });
	const lock = await lockOf(home, options, (text) => log.info(text));
	const signals = stopSignals(() => isAsked(home));
	const config = await context.loadConfig();
	const store = await context.store("service");
	const concurrency = options.concurrency ?? config.worker.concurrency;
	const daemon = new Daemon({
		home,
		config,
		store,
		env,
		redisUrl: await context.redisUrl(),
		concurrency,
		isConcurrencyGiven: options.concurrency !== undefined,
		lock,
		displaced: () => process.kill(process.pid, "SIGTERM"),
		log,
	});
	const told = new AbortController();
	const telling = options
		.foreground?.((facts, line) => log.info(facts, line), told.signal)
		.catch((error: unknown) => log.warn({ error: String(error) }, "what happens to tasks is not told here"));
	await daemon.start();
	const request = await toldToStop(daemon, home, signals, (text) => log.info(text));
	if (request.stopAgents) await daemon.stopAgents();
	else setTimeout(() => process.exit(0), LEAVE_LIMIT_MS).unref();
	told.abort();
	await telling;
	await daemon.stop();
	lock.release();
	log.info("worker stopped; its agents run on");
}

async function lockOf(
	home: Home,
	options: RunDaemonOptions,
	say: (text: string) => void,
): Promise<PlaceLock> {
	let told = false;
	for (;;) {
		const lock = await takePlaceLock(lockPath(home.path));
		if (lock !== null) return lock;
		const lockedBy = lockedOut(lockPath(home.path));
		if (!options.standby && lockedBy !== null) throw lockedBy;
		if (!options.standby) {
			const taker = takerOf(home.path);
			const who = taker === null ? "" : `: process ${taker.pid} (${taker.command})`;
			throw new DispatchError("DISPATCH_ALREADY_RUNNING", `A worker runs for ${home.path} already${who}.`, {
				hint: "`dispatch down` stops it; `dispatch worker --standby` waits for its end.",
			});
		}
		if (!told) say(`${lockedBy?.message ?? "another worker holds this state directory"}: standing by`);
		told = true;
		await sleep(STANDBY_LOOK_MS);
	}
}

/** A drain lasts until the agents have ended, or until somebody wants the end at once. */
async function toldToStop(
	daemon: Daemon,
	home: Home,
	signals: StopSignals,
	say: (text: string) => void,
): Promise<StopRequest> {
	await signals.first;
	for (;;) {
		const request = takeStopRequest(home.path, processIdentity(process.pid));
		if (!request.drain) return request;
		say("worker drains: it starts nothing more, and stops when its agents have ended");
		const next = signals.next().then(() => "told" as const);
		const drained = daemon
			.drain()
			// It is left in good order all the same.
			.catch((error: unknown) => say(`the drain failed, so the worker stops now: ${error}`))
			.then(() => "drained" as const);
		if ((await Promise.race([drained, next])) === "drained") return request;
	}
}

/** Whether a command has just told of a request, which is taken away. */
function isAsked({ path }: Home): boolean {
	const me = processIdentity(process.pid);
	const isThere = me !== null && stopRequestFor(path, me) !== null;
	if (isThere) removeStopRequest(path);
	return isThere;
}

interface StopSignals {
	first: Promise<void>;
	/** One more after the one before. */
	next(): Promise<void>;
}

/**
 * SIGTERM and SIGINT. While none is waited for, the second one ends the process at once.
 * @param isAsked whether a command tells of a request: it waits for the stop that is under way, and hurries nobody
 */
function stopSignals(isAsked: () => boolean): StopSignals {
	let heard = false;
	let tell = () => {};
	const next = () => {
		heard = false;
		return new Promise<void>((resolve) => {
			tell = resolve;
		});
	};
	const hear = () => {
		if (heard && isAsked()) return;
		if (heard) process.exit(130);
		heard = true;
		tell();
	};
	const first = next();
	process.on("SIGTERM", hear);
	process.on("SIGINT", hear);
	return { first, next };
}
