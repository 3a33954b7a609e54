/**
 * Runs around every test file: what it opened and did not give back makes it fail. Each file has a folder for
 * temporary files of its own, by which everything that it started is known. `test/house/leaks.test.ts` leaks each kind.
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll } from "vitest";
import { openResources, type Resources } from "./open-resources.ts";
import { CONDITION_LIMIT_MS } from "./patience.ts";
import { forgetTimers, pendingTimers } from "./pending-timers.ts";
import { childrenOf, killIfThere, processesOf } from "./processes.ts";
import { removeTemporaryFolders } from "./temporary-folder.ts";

/** Shorter than the other limits: a timer that is left must not come meanwhile. */
const GIVEN_BACK_LIMIT_MS = CONDITION_LIMIT_MS / 3;
const LOOK_MS = 50;
/** esbuild's service lives as long as the process that built something: a child, and two pipes to it. */
const isEsbuild = ({ command }: { command: string }) => command.includes("esbuild --service");
const ESBUILD_PIPES = 2;

// The next file runs in the same process.
const given = { env: { ...process.env }, cwd: process.cwd() };
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
const warn = ({ name, message }: Error) => {
	if (name === "MaxListenersExceededWarning") warned.push(`${name}: ${message}`);
};
process.on("warning", warn);
forgetTimers();

const before: Resources = openResources();

afterAll(async () => {
	removeTemporaryFolders();
	const left = await whenGivenBack();
	const told = readFileSync(warnings, "utf8");
	for (const { pid } of started()) killIfThere(pid);
	for (const path of [folder, warnings]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
	process.off("warning", warn);
	process.chdir(given.cwd);
	for (const name of Object.keys(process.env)) if (!(name in given.env)) delete process.env[name];
	Object.assign(process.env, given.env);
	const tooMany = told.split("\n").filter((line) => line.includes("MaxListenersExceededWarning"));
	const all = [...left, ...warned, ...tooMany];
	if (all.length > 0) throw new Error(`This file leaves behind:\n${all.join("\n")}`);
});

function leftBehind(): string[] {
	const pipes = ESBUILD_PIPES * childrenOf(process.pid).filter(isEsbuild).length;
	const allowed = (kind: string) => (before.get(kind) ?? 0) + (kind === "handle pipe" ? pipes : 0);
	const more = [...openResources()].filter(([kind, count]) => count > allowed(kind));
	return [
		...more.map(([kind, count]) => `${kind}: ${count}, ${allowed(kind)} at the beginning`),
		...pendingTimers(),
		...started().map(({ pid, command }) => `process ${pid} ${command}`),
		...readdirSync(folder).map((name) => `file ${join(folder, name)}`),
	];
}

/** By the file's folder, or, where the environment was emptied, by who started it. */
function started(): { pid: number; command: string }[] {
	const all = [...processesOf(folder), ...childrenOf(process.pid)];
	const byPid = new Map(all.map(({ pid, command }) => [pid, { pid, command }]));
	return [...byPid.values()].filter((each) => !isEsbuild(each));
}

async function whenGivenBack(): Promise<string[]> {
	// Sockets close and children are reaped a moment after the call that ends them.
	const until = performance.now() + GIVEN_BACK_LIMIT_MS;
	for (;;) {
		const left = leftBehind();
		if (left.length === 0 || performance.now() > until) return left;
		await sleep(LOOK_MS);
	}
}
