/** What a running daemon leaves in the state directory, for `up`, `down` and a second daemon. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile } from "../process/atomic-file.ts";
import type { Identity } from "../process/identity.ts";

export interface DaemonFile {
	identity: Identity;
	/** it takes jobs */
	ready: boolean;
	version: string;
}

export const lockPath = (home: string) => join(home, "daemon.lock");
export const logPath = (home: string) => join(home, "daemon.log");
const stopPath = (home: string) => join(home, "stop.json");
const statePath = (home: string) => join(home, "daemon.json");

export function writeDaemonFile(home: string, state: DaemonFile): void {
	replaceFile(statePath(home), JSON.stringify(state));
}

export function readDaemonFile(home: string): DaemonFile | null {
	try {
		return JSON.parse(readFileSync(statePath(home), "utf8")) as DaemonFile;
	} catch {
		return null;
	}
}

export function removeDaemonFile(home: string): void {
	rmSync(statePath(home), { force: true });
}

/** How the daemon shall stop: written before its SIGTERM, read by it. */
export interface StopRequest {
	/** start nothing more, and wait for the agents */
	drain: boolean;
	/** end the agents; their tasks go on at the next start, and no attempt is counted */
	stopAgents: boolean;
}

export function writeStopRequest(home: string, request: StopRequest): void {
	replaceFile(stopPath(home), JSON.stringify(request));
}

/** Takes the request away, so that it is good for one stop. */
export function takeStopRequest(home: string): StopRequest {
	try {
		return JSON.parse(readFileSync(stopPath(home), "utf8")) as StopRequest;
	} catch {
		return { drain: false, stopAgents: false };
	} finally {
		rmSync(stopPath(home), { force: true });
	}
}
