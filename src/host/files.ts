/** What a running daemon leaves in the state directory, for `up`, `down` and a second daemon. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { ServedNames } from "../config/home.ts";
import { isThere, publishNew, replaceFile } from "../process/atomic-file.ts";
import type { Identity } from "../process/identity.ts";
import { type ReadOptions, readRegularFile } from "../process/read-file.ts";
import {
	type Check,
	Damage,
	flag,
	isObject,
	nullable,
	number,
	object,
	since,
	soundOrNull,
	text,
	texts,
} from "../task/check.ts";
import type { Surroundings } from "./surroundings.ts";

const LIMIT_BYTES = 256 * 1024;

export interface DaemonFile {
	identity: Identity;
	/** it takes jobs */
	ready: boolean;
	version: string;
	/** the one address it serves, as `placeOf` spells it */
	redis: string;
	/** the host as which it runs; null: not told, by earlier versions */
	host: string | null;
	/** why the config as it is now cannot be used: the one before is in force */
	configFault: string | null;
	/** why its Redis refuses it, as a person has to mend it; not told by earlier versions */
	redisFault: string | null;
	/** what of its environment matters; null: not told, by earlier versions */
	surroundings: Surroundings | null;
	/** it starts nothing more, and stops when its agents have ended; not told by earlier versions */
	draining: boolean;
}

const PID_MAX = 2 ** 31 - 1;

const programs: Check<Record<string, string | null>> = (value, at) => {
	if (!isObject(value)) throw new Damage(`${at} is not an object`);
	const entries = Object.entries(value).map(([name, each]) => [name, nullable(text)(each, at)]);
	return Object.fromEntries(entries);
};

const checkDaemonFile = object<DaemonFile>({
	identity: object<Identity>({ pid: number(1, PID_MAX), bootId: text, startTime: text }),
	ready: flag,
	version: text,
	redis: text,
	host: since(null, nullable(text)),
	configFault: since(null, nullable(text)),
	redisFault: since(null, nullable(text)),
	surroundings: since(null, nullable(object<Surroundings>({ variables: texts, programs }))),
	draining: since(false, flag),
});

export const lockPath = (home: string) => join(home, "daemon.lock");
export const logPath = (home: string) => join(home, "daemon.log");
const stopPath = (home: string) => join(home, "stop.json");
const statePath = (home: string) => join(home, "daemon.json");

export function writeDaemonFile(home: string, state: DaemonFile, names: ServedNames): void {
	replaceFile(statePath(home), JSON.stringify({ ...state, names }));
}

/** @returns null when none was left, or what stands there is none, or is kept shut. @throws when it cannot be looked at */
export function readDaemonFile(home: string): DaemonFile | null {
	const file = readRegularFile(statePath(home), LIMIT_BYTES, { rewritten: true });
	return file.kind === "text" ? soundOrNull(checkDaemonFile, file.text) : null;
}

/** Whether something stands there that names no daemon. @throws when it cannot be looked at */
export function isDaemonFileDamaged(home: string): boolean {
	return isThere(statePath(home)) && readDaemonFile(home) === null;
}

/** A small JSON file of the state directory; null where there is none. @throws when it cannot be looked at */
export function readJson(path: string, options: ReadOptions = {}): unknown {
	const file = readRegularFile(path, LIMIT_BYTES, options);
	try {
		return file.kind === "text" ? JSON.parse(file.text) : null;
	} catch {
		return null;
	}
}

export function removeDaemonFile(home: string): void {
	removeOwn(statePath(home));
}

/** What cannot be removed says nothing any more: each names the process that it is of. */
function removeOwn(path: string): void {
	try {
		rmSync(path, { force: true });
	} catch {
		// Something else stands in its place.
	}
}

/** How the daemon shall stop: written before its SIGTERM, read by it. */
export interface StopRequest {
	/** start nothing more, and wait for the agents */
	drain: boolean;
	/** end the agents; their tasks go on at the next start, and no attempt is counted */
	stopAgents: boolean;
}

/**
 * One at a time: each is read with the signal that tells of it.
 * @param daemon whom it is for: one that died before it read the request must not pass it on to the next
 * @returns false: it has another one to read yet, which stays
 */
export function writeStopRequest(home: string, daemon: Identity, request: StopRequest): boolean {
	if (stopRequestFor(home, daemon) === null) removeStopRequest(home);
	return publishNew(stopPath(home), JSON.stringify({ daemon, request }));
}

/** In the place of one that nobody reads. @throws DISPATCH_DISK */
export function replaceStopRequest(home: string, daemon: Identity, request: StopRequest): void {
	replaceFile(stopPath(home), JSON.stringify({ daemon, request }));
}

export function removeStopRequest(home: string): void {
	removeOwn(stopPath(home));
}

const PLAIN: StopRequest = { drain: false, stopAgents: false };

/** Takes the request away, so that it is good for one stop. Somebody else's, or none: a plain stop. */
export function takeStopRequest(home: string, me: Identity | null): StopRequest {
	const request = me === null ? null : stopRequestFor(home, me);
	removeStopRequest(home);
	return request ?? PLAIN;
}

/** @returns what it has not read yet; null: nothing */
export function stopRequestFor(home: string, { pid, bootId, startTime }: Identity): StopRequest | null {
	const said = readJson(stopPath(home), { rewritten: true }) as {
		daemon?: Identity;
		request?: StopRequest;
	} | null;
	const { daemon, request } = said ?? {};
	if (daemon?.pid !== pid || daemon.bootId !== bootId || daemon.startTime !== startTime) return null;
	return request ?? null;
}
