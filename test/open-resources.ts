/** What this process holds open: handles also when they keep nothing alive, descriptors, listeners. */
import { readdirSync, readlinkSync } from "node:fs";

/** kind, with the file or event where there is one → how often */
export type Resources = ReadonlyMap<string, number>;

/** libuv's names of connections, servers and watches. Children are looked for as processes. */
const HANDLES = ["tcp", "pipe", "udp", "fs_event", "fs_poll"];
/** stdin, stdout and stderr are opened when they are first used. */
const STANDARD_FD = 2;
/** Opened by the test runner while it works, or no file at all. */
const NOT_A_TESTS = /\/node_modules\/|^\/proc\/|^\/dev\/pts\/|^(?!\/)/;

interface Handle {
	type: string;
	fd?: number;
	/** of a watch */
	filename?: string;
}

export function openResources(): Resources {
	const counts = new Map<string, number>();
	const add = (kind: string, count = 1) => counts.set(kind, (counts.get(kind) ?? 0) + count);
	for (const { type, filename } of handles()) add(`handle ${type} ${filename ?? ""}`.trimEnd());
	for (const target of descriptors()) add(`descriptor of ${target}`);
	for (const event of process.eventNames()) add(`listener of ${String(event)}`, process.listenerCount(event));
	return counts;
}

/** Of the report, since `process.getActiveResourcesInfo` knows nothing of what is unref'd. */
function handles(): Handle[] {
	const report = process.report as { excludeNetwork?: boolean; getReport(): object };
	// Without it, the name of every address is looked up.
	report.excludeNetwork = true;
	const { libuv } = report.getReport() as { libuv: Handle[] };
	return libuv.filter(({ type, fd }) => HANDLES.includes(type) && !(fd !== undefined && fd <= STANDARD_FD));
}

function descriptors(): string[] {
	return readdirSync("/proc/self/fd").flatMap((fd) => {
		try {
			const target = readlinkSync(`/proc/self/fd/${fd}`);
			return Number(fd) <= STANDARD_FD || NOT_A_TESTS.test(target) ? [] : [target];
		} catch {
			return []; // the descriptor of this very look
		}
	});
}
