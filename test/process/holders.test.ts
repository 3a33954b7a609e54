/**
 * Who holds a run's FIFO is killed, so nobody else may be taken for it. Its number is given to another file as soon as
 * it is free: on ext4 to the very next one, which may be another run's FIFO.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { linkSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { holdersOf } from "../../src/process/holders.ts";
import type { RunDir } from "../../src/process/run-dir.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Of the looks during that many some meet each moment (measured: 5 to 20 mistakes without the mending). */
const ROUNDS = 150;
/** Removes the one's FIFO, and makes and holds another's. */
const SWAPS = `
read begin
n=0; while [ $n -lt ${ROUNDS} ]; do
	n=$((n + 1))
	mkfifo own/alive; rm own/alive
	mkfifo other/alive; exec 3<>other/alive; rm other/alive; exec 3>&-
done`;
/** A look passes the youngest process first: with so many open files it takes as long as a swap. */
const MANY_FILES = `
	for (let n = 0; n < 1000; n++) require("fs").openSync(process.execPath, "r");
	console.log("open");
	process.stdin.resume();
`;

function twoRuns() {
	const folder = temporaryFolder("holders");
	for (const name of ["own", "other"]) mkdirSync(join(folder, name));
	const run = { path: join(folder, "own") } as RunDir;
	const program = (file: string, flag: string, script: string) => {
		const child = spawn(file, [flag, script], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
		onTestFinished(() => void child.kill("SIGKILL"));
		return child;
	};
	return { folder, run, program };
}

test("a FIFO that is removed during the look, its number given to another run's: that one's agent is none of its", async () => {
	const { run, program } = twoRuns();
	const swapper = program("/bin/sh", "-c", SWAPS);
	const busy = program(process.execPath, "-e", MANY_FILES);
	await once(busy.stdout, "data");
	const gone = once(swapper, "exit");
	swapper.stdin.end("\n");
	let looks = 0;
	const mistaken = [];
	while (swapper.exitCode === null && swapper.signalCode === null) {
		mistaken.push(...holdersOf(run));
		looks++;
		await turn();
	}
	expect(await gone).toEqual([0, null]);
	expect(looks).toBeGreaterThan(1);
	expect(mistaken).toEqual([]);
});

test("another run's FIFO, linked to the place of its own: whose agent holds that is none of its", async () => {
	const { folder, run, program } = twoRuns();
	const other = program("/bin/sh", "-c", "mkfifo other/alive; exec 3<>other/alive; echo held; read end");
	await once(other.stdout, "data");
	linkSync(join(folder, "other/alive"), join(folder, "own/alive"));
	expect(holdersOf(run)).toEqual([]);
	expect(holdersOf({ path: join(folder, "other") } as RunDir)).toEqual([other.pid]);
	other.stdin.end();
	await once(other, "exit");
});
