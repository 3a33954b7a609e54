/**
 * An agent that swaps a directory for a link while dispatch works in it: nothing outside the task is read,
 * written, moved or removed, whatever the moment.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test as plainTest } from "vitest";
import { appendNote, readPlanText, writePlan } from "../../src/ipc/plan-file.ts";
import {
	clearFinished,
	moveIpcAside,
	publishAnswer,
	publishQuestion,
	readIpc,
	retireAnswer,
	writeDone,
} from "../../src/ipc/questions.ts";
import { readReport } from "../../src/ipc/report.ts";
import {
	clearTemporaries,
	createTaskDir,
	inspectTaskDir,
	removeTaskDir,
	restampTaskDir,
	writePromptFile,
} from "../../src/ipc/task-dir.ts";
import { DispatchError } from "../../src/task/errors.ts";
import { makeDirectory, OWNER, SPEC } from "./stage.ts";

const SWAPPER = resolve(import.meta.dirname, "../fixtures/swaps.mjs");
const ROUNDS = 60;
const SECRET = "a secret of the user's";
/** Where descriptors have no names a swap can still hit: docs/SECURITY.md says so. */
const test = plainTest.runIf(existsSync("/proc/self/fd"));

/** What a refusal names is an answer; anything else would be a fault of ours. */
async function tried<T>(act: () => T): Promise<Awaited<T> | null> {
	try {
		return await act();
	} catch (error) {
		if (error instanceof DispatchError) return null;
		throw error;
	}
}

/** Every name and content below a directory. */
function contents(path: string, name = "."): string[] {
	const at = join(path, name);
	if (!statSync(at).isDirectory()) return [`${name}: ${readFileSync(at, "utf8")}`];
	return [name, ...readdirSync(at).flatMap((each) => contents(path, join(name, each)))].sort();
}

/** The same files as in the task, all of them the user's own. */
function makeMirror(of: string): string {
	const mirror = join(makeDirectory(), "mirror");
	cpSync(of, mirror, { recursive: true });
	const overwrite = (path: string) => {
		for (const name of readdirSync(path)) {
			const at = join(path, name);
			if (statSync(at).isDirectory()) overwrite(at);
			else if (name !== ".owner.json") writeFileSync(at, SECRET);
		}
	};
	overwrite(mirror);
	return mirror;
}

async function swapping(directory: string, outside: string): Promise<() => Promise<void>> {
	const other = `${directory}.other`;
	symlinkSync(outside, other);
	const child = spawn(process.execPath, [SWAPPER, directory, other], { stdio: ["pipe", "pipe", "inherit"] });
	onTestFinished(() => void child.kill("SIGKILL"));
	await once(child.stdout, "data");
	return async () => {
		child.stdin.end();
		await once(child, "exit");
	};
}

async function makeFullTask(cwd: string): Promise<string> {
	const dir = await createTaskDir(cwd, SPEC);
	for (const name of ["output.md", "context.md", "prompt.md"]) writeFileSync(join(dir, name), "mine");
	for (const name of ["001.question", "001.answer", "001.done", ".done", ".001.answer.0123456789ab-1.tmp"])
		writeFileSync(join(dir, "ipc", name), "mine");
	mkdirSync(join(dir, "attempts/1/ipc"), { recursive: true });
	writeFileSync(join(dir, "attempts/1/ipc/001.question"), "mine");
	return dir;
}

test.each([".dispatch", ".dispatch/tasks", ".dispatch/tasks/t", ".dispatch/tasks/t/ipc"])(
	"%s, swapped for a link while dispatch works in it",
	async (part) => {
		const cwd = makeDirectory();
		const dir = await makeFullTask(cwd);
		const outside = makeMirror(join(cwd, part));
		const before = contents(outside);
		const stop = await swapping(join(cwd, part), outside);
		const read: unknown[] = [];
		let done = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const seq = String(round + 100);
			const acts: (() => unknown)[] = [
				() => read.push(readIpc(dir).questions, readPlanText(dir), readReport(dir)),
				() => publishAnswer(dir, seq, "an answer"),
				() => publishQuestion(dir, seq, "a question"),
				() => writeDone(dir, seq),
				() => retireAnswer(dir, "001"),
				() => appendNote(dir, `note ${round}`),
				() => writePlan(dir, "# Mine\n"),
				() => writePromptFile(dir, "a prompt"),
				() => clearFinished(dir),
				() => clearTemporaries(dir),
				() => restampTaskDir(cwd, "t", OWNER),
				() => moveIpcAside(dir, round),
			];
			for (const act of acts) if ((await tried(act)) !== null) done++;
			await createTaskDir(cwd, SPEC).catch((error: unknown) => {
				if (!(error instanceof DispatchError)) throw error;
			});
		}
		await stop();
		expect(contents(outside)).toEqual(before);
		expect(JSON.stringify(read)).not.toContain(SECRET);
		expect(done).toBeGreaterThan(ROUNDS);
	},
);

test.each(["", "attempts", "attempts/1", "ipc"])(
	"rm, while %j of the task is swapped for a link: nothing outside goes",
	async (part) => {
		const cwd = makeDirectory();
		const outside = makeMirror(await makeFullTask(cwd));
		for (let file = 0; file < 300; file++) writeFileSync(join(outside, `kept-${file}`), SECRET);
		const before = contents(outside);
		for (let round = 0; round < 6; round++) {
			const dir = await makeFullTask(cwd);
			for (let file = 0; file < 300; file++) writeFileSync(join(dir, part, `kept-${file}`), "mine");
			const stop = await swapping(join(dir, part), outside);
			await removeTaskDir(cwd, "t", OWNER).catch(() => {});
			await stop();
			expect(contents(outside)).toEqual(before);
			await removeTaskDir(cwd, "t", OWNER).catch(() => {});
			renameSync(join(cwd, ".dispatch"), join(cwd, `old-${round}`));
		}
	},
);

test("another task's directory in the place of one's own is neither read nor answered in", async () => {
	const cwd = makeDirectory();
	const dir = await createTaskDir(cwd, SPEC);
	const other = await createTaskDir(cwd, { ...SPEC, id: "other" });
	writeFileSync(join(other, "ipc/001.question"), "of the other task");
	renameSync(dir, `${dir}.own`);
	renameSync(other, dir);
	expect(readIpc(dir)).toMatchObject({ questions: [], rejected: [{ name: "ipc" }] });
	expect(readPlanText(dir)).toBeNull();
	expect(publishAnswer(dir, "001", "yes")).toBe("blocked");
	expect(readdirSync(join(dir, "ipc"))).toEqual(["001.question"]);
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("foreign");
	expect(await removeTaskDir(cwd, "t", OWNER)).toBe(false);
});
