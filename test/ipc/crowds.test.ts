/** An agent that makes files by the ten thousand: what dispatch does with them keeps nobody else waiting. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { moveIpcAside } from "../../src/ipc/questions.ts";
import { ipcStamp } from "../../src/ipc/signs.ts";
import { clearTemporaries, removeTaskDir } from "../../src/ipc/task-dir.ts";
import { OpenedDirectory } from "../../src/process/opened-directory.ts";
import { claimRun, removeRuns, tasksWithRuns } from "../../src/process/run-dir.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeTask, OWNER } from "./stage.ts";

const MANY = 6_000;
/** Far fewer than there should be, far more than the one or two of work that is done in one go. */
const TURNS = 10;

function crowd(folder: string, count = MANY): void {
	mkdirSync(folder, { recursive: true });
	for (let n = 0; n < count; n++) writeFileSync(join(folder, `${n}`), "");
}

/** How often others have their turn until it is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
	let turns = 0;
	let isDone = false;
	const done = work.finally(() => {
		isDone = true;
	});
	for (; !isDone; turns++) await turn();
	await done;
	return turns;
}

test.each(["", "deep/deeper", "ipc"])("a task with a crowd in %j is removed in turns", async (where) => {
	const { cwd, dir } = await makeTask();
	crowd(join(dir, where));
	expect(await turnsDuring(removeTaskDir(cwd, "t", OWNER))).toBeGreaterThan(TURNS);
	expect(readdirSync(dirname(dir))).toEqual([]);
});

test("so are its run directories, and what a killed removal left", async () => {
	const home = temporaryFolder("crowd");
	const facts = { task: "t", epoch: 1, nonce: "n", backend: "b", cwd: home, taskDir: home };
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null });
	crowd(run?.path ?? "");
	expect(await turnsDuring(removeRuns(home, "t"))).toBeGreaterThan(TURNS);
	expect(tasksWithRuns(home)).toEqual([]);
	const { dir } = await makeTask();
	const left = join(dirname(dir), ".t.0123456789ab-999999999.tmp");
	crowd(left);
	expect(await turnsDuring(clearTemporaries(dir))).toBeGreaterThan(TURNS);
	expect(readdirSync(dirname(dir))).toEqual(["t"]);
});

test("a directory is read up to a number of names", () => {
	const folder = temporaryFolder("crowd");
	crowd(folder, 1_000);
	const opened = OpenedDirectory.open(folder) as OpenedDirectory;
	expect(opened.names(10)).toHaveLength(10);
	expect(opened.names(10_000)).toHaveLength(1_000);
	opened.close();
});

test("of a crowd under ipc/ no more is counted than is read, and a change is seen all the same", async () => {
	const { dir, ipc } = await makeTask();
	crowd(ipc, 10_050);
	const before = ipcStamp(dir);
	expect(before).toMatch(/ 10000$/);
	writeFileSync(join(ipc, "001.question"), "Q");
	expect(ipcStamp(dir)).not.toBe(before);
});

test("an earlier session's files find a name, whoever took the next thousand", async () => {
	const { dir, ipc, write } = await makeTask();
	for (let copy = 1; copy <= 1_000; copy++)
		mkdirSync(join(dir, "attempts", copy === 1 ? "1" : `1-${copy}`), { recursive: true });
	write("001.question", "Q");
	moveIpcAside(dir, 1);
	expect(readdirSync(ipc)).toEqual([]);
	const names = readdirSync(join(dir, "attempts")).filter((name) => /^1-[0-9a-f]{8}-/.test(name));
	expect(names).toHaveLength(1);
	expect(readdirSync(join(dir, "attempts", names[0] ?? "", "ipc"))).toEqual(["001.question"]);
});
