/**
 * Runs around every test file: what it opened and did not give back makes it fail. Each file has a folder for
 * temporary files of its own, by which everything that it started is known.
 */
import {
	chmodSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll } from "vitest";
import { processesOf } from "./processes.ts";

/** Sockets close and children are reaped a moment after the call that ends them. */
const GIVEN_BACK_LIMIT_MS = 10_000;
const LOOK_MS = 25;
/** What the test runner itself opens while it works: its channels, and the files of modules that it loads. */
const RESOURCES = [
	"ProcessWrap",
	"TCPSocketWrap",
	"TCPServerWrap",
	"PipeServerWrap",
	"FSEventWrap",
	"StatWatcher",
];

const outside = tmpdir();
const folder = mkdtempSync(join(outside, "t-"));
// Some tests work as another user, who must get through to folders of their own.
chmodSync(folder, 0o711);
process.env.TMPDIR = folder;
/** Warnings of this process and of every Node program that it starts. */
const warnings = join(outside, `${folder.slice(outside.length + 1)}.warnings`);
process.env.NODE_REDIRECT_WARNINGS = warnings;
writeFileSync(warnings, "");
chmodSync(warnings, 0o666);

const warned: string[] = [];
process.on("warning", ({ name, message }) => {
	if (name === "MaxListenersExceededWarning") warned.push(`${name}: ${message}`);
});

const before = open();

afterAll(async () => {
	const left = await whenGivenBack();
	const told = readFileSync(warnings, "utf8");
	for (const { pid } of started()) kill(pid);
	for (const path of [folder, warnings]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
	const tooMany = told.split("\n").filter((line) => line.includes("MaxListenersExceededWarning"));
	const all = [...left, ...warned, ...tooMany];
	if (all.length > 0) throw new Error(`This file leaves behind:\n${all.join("\n")}`);
});

/** Kind of what is open → how often. */
function open(): Map<string, number> {
	const counts = new Map<string, number>();
	const add = (kind: string, count = 1) => counts.set(kind, (counts.get(kind) ?? 0) + count);
	for (const kind of process.getActiveResourcesInfo()) if (RESOURCES.includes(kind)) add(kind);
	for (const event of process.eventNames()) add(`listener of ${String(event)}`, process.listenerCount(event));
	for (const target of descriptors()) add(`descriptor of ${target}`);
	return counts;
}

/** Of files that a test may have opened. */
function descriptors(): string[] {
	return readdirSync("/proc/self/fd").flatMap((fd) => {
		try {
			const target = readlinkSync(`/proc/self/fd/${fd}`);
			if (target.startsWith(folder)) return [target];
			return /^\/.*\.(sock|lock|log)$/.test(target) ? [target] : [];
		} catch {
			return [];
		}
	});
}

function leftBehind(): string[] {
	const more = [...open()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
	return [
		...more.map(([kind, count]) => `${kind}: ${count}, ${before.get(kind) ?? 0} at the beginning`),
		...started().map(({ pid, command }) => `process ${pid} ${command}`),
		...readdirSync(folder).map((name) => `file ${join(folder, name)}`),
	];
}

/** esbuild's service lives as long as the process that built something. */
const started = () => processesOf(folder).filter(({ command }) => !command.includes("esbuild --service"));

async function whenGivenBack(): Promise<string[]> {
	const until = performance.now() + GIVEN_BACK_LIMIT_MS;
	for (;;) {
		const left = leftBehind();
		if (left.length === 0 || performance.now() > until) return left;
		await sleep(LOOK_MS);
	}
}

function kill(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch {
		// Gone already.
	}
}
