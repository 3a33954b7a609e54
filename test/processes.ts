/** Which processes belong to a folder: by their environment, or by where they work. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface FoundProcess {
	pid: number;
	command: string;
	/** the mark of the agent's run, of agents and their children */
	run: string | null;
}

/** Every live process, this one left out, of which an environment variable or the working directory is inside. */
export function processesOf(folder: string): FoundProcess[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
		.flatMap((name) => processOf(name, folder) ?? []);
}

function processOf(name: string, folder: string): FoundProcess | null {
	try {
		const environ = readFileSync(`/proc/${name}/environ`, "latin1").split("\0");
		const values = environ.map((entry) => entry.slice(entry.indexOf("=") + 1));
		// Redis overwrites its environment with its title.
		const places = [...values, readlinkSync(`/proc/${name}/cwd`)];
		if (!places.some((place) => place === folder || place.startsWith(`${folder}/`))) return null;
		if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${name}/status`, "latin1"))) return null;
		const command = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0").join(" ").trim();
		const run = environ.find((entry) => entry.startsWith("DISPATCH_RUN="));
		return { pid: Number(name), command, run: run?.slice("DISPATCH_RUN=".length) ?? null };
	} catch {
		return null; // It ended while we looked, or is another user's.
	}
}

/** SIGKILL; a process may have ended because another one of its tree was killed before. */
export function killIfThere(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

/** Every live process that `pid` itself started and that still belongs to it. */
export function childrenOf(pid: number): FoundProcess[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((name) => childOf(pid, name) ?? []);
}

function childOf(parent: number, name: string): FoundProcess | null {
	try {
		const status = readFileSync(`/proc/${name}/status`, "latin1");
		if (!new RegExp(`^PPid:\\s+${parent}$`, "m").test(status) || /^State:\s+[ZX]/m.test(status)) return null;
		const command = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0").join(" ").trim();
		return { pid: Number(name), command, run: null };
	} catch {
		return null;
	}
}
