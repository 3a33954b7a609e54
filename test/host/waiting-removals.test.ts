/** Some removed tasks cannot be cleared for long: what is done meanwhile with the others, and how long anybody waits. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { Clearings, Patience } from "../../src/host/clearings.ts";
import { createTaskDir, taskDirSpec } from "../../src/ipc/task-dir.ts";
import { processesOf } from "../processes.ts";
import { HOST } from "../queue/records/store-support.ts";
import { type Stage, setTheStage, stage, store, withWorktree } from "./removal-stage.ts";

setTheStage();

const noticesLeft = () => store.client.llen(store.keys.removed(HOST));

async function withDirectory(here: Stage, id: string): Promise<string> {
	return createTaskDir(here.home, taskDirSpec(await here.enqueue(id), store.namespace));
}

/** Its line is taken, as by a start of a new task of this id. @returns what frees it */
function busy({ serial }: Stage, id: string): () => void {
	let free = () => {};
	void serial.run(id, () => new Promise<void>((resolve) => (free = resolve)));
	return () => free();
}

test("over four git hangs: the others wait for its place only if they have a worktree, and no task's line waits for it", async () => {
	const here = stage();
	const hanging: Awaited<ReturnType<typeof withWorktree>>[] = [];
	for (const id of ["one", "two", "three", "four"]) hanging.push(await withWorktree(here, id));
	const fifth = await withWorktree(here, "fifth");
	const plain = await withDirectory(here, "plain");
	for (const { record, touch } of hanging) {
		touch();
		await here.remove(record.spec.id);
	}
	await here.clear();
	await expect.poll(() => hanging.map(({ hung }) => hung())).toEqual([1, 1, 1, 1]);
	for (const id of ["fifth", "plain"]) await here.remove(id);
	await expect.poll(here.clear).toBe(1);
	expect([plain, fifth.directory, fifth.worktree.path].map((path) => existsSync(path))).toEqual([
		false,
		false,
		true,
	]);
	const reached: string[] = [];
	for (const { record } of [...hanging, fifth])
		void here.serial.run(record.spec.id, async () => void reached.push(record.spec.id));
	await expect.poll(() => reached).toEqual(["one", "two", "three", "four", "fifth"]);
	const hangs = ({ worktree }: (typeof hanging)[number]) => processesOf(worktree.path).length > 0;
	expect([...hanging, fifth].map(hangs)).toEqual([true, true, true, true, false]);
	await here.stop();
	expect(processesOf(dirname(fifth.worktree.path))).toEqual([]);
	expect(existsSync(fifth.worktree.path)).toBe(true);
});

test("a pass over many notices waits once, not for each page of them; what was begun is done at the next one", async () => {
	const here = stage();
	const hanging = await withWorktree(here, "hanging");
	hanging.touch();
	await here.remove("hanging");
	const notice = (id: string, n: number) =>
		JSON.stringify({ id, nonce: `${n}`.padStart(32, "0"), cwd: here.home });
	// One in each page of 200.
	const kept = Array.from({ length: 7 }, (_, page) => `busy-${page}`);
	const texts = kept.flatMap((id, page) => [
		notice(id, page * 200),
		...Array.from({ length: 199 }, (_, n) => notice(`plain-${n}`, page * 200 + n + 1)),
	]);
	await store.client.rpush(store.keys.removed(HOST), ...texts);
	const frees = kept.map((id) => busy(here, id));
	// As a clock: its git is ended in the time of five pages.
	await here.clear({ gitLimitMs: 10_000 });
	expect(processesOf(hanging.worktree.path)).not.toEqual([]);
	await expect.poll(async () => [await here.clear(), await noticesLeft()]).toEqual([expect.anything(), 8]);
	for (const free of frees) free();
	await expect.poll(async () => [await here.clear(), await noticesLeft()]).toEqual([expect.anything(), 1]);
	await here.stop();
	expect(processesOf(dirname(hanging.worktree.path))).toEqual([]);
});

test("what waits in its task's line when the worker stops is not begun any more", async () => {
	const here = stage();
	const directory = await withDirectory(here, "first");
	await here.remove("first");
	const free = busy(here, "first");
	expect(await here.clear()).toBe(0);
	const stopped = here.stop();
	free();
	await stopped;
	expect(existsSync(directory)).toBe(true);
	expect(await noticesLeft()).toBe(1);
});

test("what is known of a clearing lasts as long as its notice, and no longer", async () => {
	const clearings = new Clearings();
	const task = { id: "first", nonce: "0123456789abcdef", cwd: null };
	const seen: boolean[] = [];
	const pass = async (tasks: (typeof task)[]) => {
		await clearings.of(tasks, new Patience(), async (_, clearing) => {
			seen.push(clearing.keepsWorktree);
			clearing.keepsWorktree = true;
		});
		clearings.turn();
	};
	for (const tasks of [[task], [task], [], [task]]) await pass(tasks);
	expect(seen).toEqual([false, true, false]);
});
