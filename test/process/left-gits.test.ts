/** A git whose dispatch was killed is ended; one whose dispatch lives, or which bears no mark of ours, never. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GIT_OPTIONS } from "../../src/process/git-settings.ts";
import { endLeftGits, endLeftHolding, markOfOurs } from "../../src/process/left-gits.ts";
import { killIfThere, processesOf } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bundled, source } from "./bundled.ts";

const [, OURS = ""] = Object.entries(markOfOurs())[0] ?? [];
const [pid, startTime, space] = OURS.split(" ");

const GONE = { GIT_OF_DISPATCH: `4194304 ${startTime} ${space}` };
const git = (does: string) => ["git", ...GIT_OPTIONS, "-c", `alias.x=!${does}`, "x"];

/** Who bears it, and whether a look ends it. */
const MARKS: [string, Record<string, string>, boolean][] = [
	["no mark", {}, false],
	["the mark of a process that lives", markOfOurs(), false],
	["the mark of a process that had our number before us", { GIT_OF_DISPATCH: `${pid} 1 ${space}` }, true],
	["the mark of a process that is gone", GONE, true],
	["the mark of another container's process", { GIT_OF_DISPATCH: `4194304 ${startTime} pid:[1]` }, false],
	["half a mark", { GIT_OF_DISPATCH: "4194304" }, false],
];

/** It leads a group of its own, and holds `lock`. */
async function started([program = "", ...args]: string[], mark: Record<string, string>) {
	const folder = temporaryFolder("left");
	const lock = join(folder, "lock");
	const fd = openSync(lock, "a");
	const env = { PATH: process.env.PATH, ...mark };
	const stdio: ("ignore" | "pipe" | number)[] = ["ignore", "pipe", "ignore", fd];
	const child = spawn(program, args, { cwd: folder, env, stdio, detached: true });
	closeSync(fd);
	await new Promise((begun) => child.stdout?.once("data", begun));
	const before = processesOf(folder);
	const cleanup = async () => {
		for (const found of before) killIfThere(found.pid);
		await expect.poll(() => processesOf(folder)).toEqual([]);
	};
	return { lock, left: () => processesOf(folder).length, cleanup };
}

/** Of which one hears no SIGTERM. */
const DOES = "trap '' TERM; sleep 1000 & echo begun; wait";

test.each(MARKS)("git with %s is left alone, or ended with its group", async (_, mark, isEnded) => {
	for (const end of [endLeftHolding, () => endLeftGits(0)]) {
		const { lock, left, cleanup } = await started(git(DOES), mark);
		const before = left();
		expect(before).toBeGreaterThan(1);
		expect(await end(lock)).toBe(isEnded ? 1 : 0);
		await expect.poll(left).toBe(isEnded ? 0 : before);
		await cleanup();
	}
});

test("neither another program that bears the mark, nor a git that is younger than its limit, is ended", async () => {
	const [other, young] = [await started(["sh", "-c", DOES], GONE), await started(git(DOES), GONE)];
	expect(await endLeftHolding(other.lock)).toBe(0);
	expect(await endLeftGits()).toBe(0);
	for (const { left, cleanup } of [other, young]) {
		expect(left()).toBeGreaterThan(1);
		await cleanup();
	}
});

test("a process that could not tell its mark for want of descriptors marks what it starts as soon as it can", async () => {
	const program = await bundled(
		temporaryFolder("few"),
		`import { closeSync, openSync } from "node:fs";
		import { markOfOurs } from ${source("process/left-gits.ts")};
		const open = [];
		try { for (;;) open.push(openSync("/dev/null", "r")); } catch {}
		const before = markOfOurs();
		for (const fd of open) closeSync(fd);
		setTimeout(() => console.log(JSON.stringify([before, Object.keys(markOfOurs())])), 0);`,
	);
	const said = execFileSync("sh", ["-c", `ulimit -n 64; exec "${process.execPath}" "${program}"`]);
	expect(JSON.parse(String(said))).toEqual([{}, ["GIT_OF_DISPATCH"]]);
});
