/** What work in this process leaves open: handles that Node knows, watches of the kernel, clients of a Redis. */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { readdirSync, readFileSync } from "node:fs";
import type { Redis } from "ioredis";

/** Also those that do not keep the process alive: `process.getActiveResourcesInfo` knows nothing of an unref. */
const HANDLES =
	/^(Timeout|Immediate|TCPWRAP|PIPEWRAP|TCPSERVERWRAP|PIPESERVERWRAP|FSEVENTWRAP|STATWATCHER|PROCESSWRAP|Worker|MESSAGEPORT|UDPWRAP|SIGNALWRAP)$/;

/** Follows the handles that are made in `run`, and in whatever that started. */
export class HandleWatch {
	readonly #inside = new AsyncLocalStorage<true>();
	readonly #open = new Map<number, string>();
	readonly #hook = createHook({
		init: (id, type) => {
			if (HANDLES.test(type) && this.#inside.getStore() === true) this.#open.set(id, `${type} ${origin()}`);
		},
		destroy: (id) => void this.#open.delete(id),
	}).enable();

	run<T>(work: () => T): T {
		return this.#inside.run(true, work);
	}

	/** The handles that are open now: their kinds, and where they were made. */
	get open(): string[] {
		return [...this.#open.values()].sort();
	}

	end(): void {
		this.#hook.disable();
	}
}

/** The lines of code that make a handle, without Node's own. */
function origin(): string {
	const lines = new Error().stack?.split("\n").slice(3) ?? [];
	const foreign = lines.filter((line) => !line.includes("node:"));
	return foreign
		.slice(0, 3)
		.map((line) => line.trim())
		.join(" < ");
}

/** Files and directories that this process has watched by the kernel (Linux; elsewhere 0). */
export function inotifyWatches(): number {
	try {
		return readdirSync("/proc/self/fdinfo").reduce((sum, fd) => sum + watchesOf(fd), 0);
	} catch {
		return 0;
	}
}

function watchesOf(fd: string): number {
	try {
		return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").match(/^inotify /gm)?.length ?? 0;
	} catch {
		return 0; // closed between the two looks
	}
}

/** @param user whose clients; @returns how many are connected */
export async function clientsOf(admin: Redis, user: string): Promise<number> {
	const list = (await admin.client("LIST")) as string;
	return list.split("\n").filter((line) => line.includes(` user=${user} `)).length;
}
