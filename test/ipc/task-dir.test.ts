import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { readPlan } from "../../src/ipc/plan-file.ts";
import { moveIpcAside } from "../../src/ipc/questions.ts";
import {
	clearTemporaries,
	createTaskDir,
	inspectTaskDir,
	removeTaskDir,
	restampTaskDir,
	taskDirOf,
	writePromptFile,
} from "../../src/ipc/task-dir.ts";
import { makeDirectory, makeTask, OWNER, SPEC } from "./stage.ts";

/** Not even root may make a directory here. */
const UNWRITABLE = process.platform === "linux" ? "/sys" : "/";

test("makes the directory with everything an agent needs", async () => {
	const cwd = makeDirectory();
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("absent");
	const dir = await createTaskDir(cwd, { ...SPEC, givenItems: ["One", "Two"] });
	expect(dir).toBe(join(cwd, ".dispatch/tasks/t"));
	expect(readFileSync(join(cwd, ".dispatch/.gitignore"), "utf8")).toBe("*\n");
	expect(readdirSync(dir).sort()).toEqual([".gitignore", ".owner.json", "ipc", "plan.md"]);
	expect(readdirSync(join(cwd, ".dispatch/tasks"))).toEqual(["t"]);
	expect(readPlan(dir)).toMatchObject({ title: "T", items: [{ text: "One" }, { text: "Two" }] });
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("ours");
});

test("a repeat heals what is missing and changes nothing else", async () => {
	const { cwd, dir, ipc } = await makeTask();
	writeFileSync(join(cwd, ".dispatch/.gitignore"), "tasks\n");
	writeFileSync(join(dir, "plan.md"), "- [x] the agent's own\n");
	rmSync(ipc, { recursive: true });
	await createTaskDir(cwd, { ...SPEC, planText: "# Another\n" });
	expect(existsSync(ipc)).toBe(true);
	expect(readFileSync(join(dir, "plan.md"), "utf8")).toBe("- [x] the agent's own\n");
	expect(readFileSync(join(cwd, ".dispatch/.gitignore"), "utf8")).toBe("tasks\n");
	rmSync(join(dir, "plan.md"));
	await createTaskDir(cwd, { ...SPEC, planText: "# Whole plan\n\n* [ ] as given\n" });
	expect(readFileSync(join(dir, "plan.md"), "utf8")).toBe("# Whole plan\n\n* [ ] as given\n");
});

test("a directory without our stamp is foreign and stays untouched", async () => {
	const { cwd, dir } = await makeTask();
	for (const change of [{ nonce: "f" }, { nonce: "f", host: "h2" }, { namespace: "n2" }]) {
		const other = { ...OWNER, ...change };
		expect(inspectTaskDir(cwd, "t", other)).toBe("foreign");
		await expect(createTaskDir(cwd, { ...SPEC, ...change })).rejects.toMatchObject({
			code: "DISPATCH_ID_EXISTS",
		});
		expect(await removeTaskDir(cwd, "t", other)).toBe(false);
	}
	for (const stamp of ["", "null", "[]", '{"nonce":1}', "{"]) {
		writeFileSync(join(dir, ".owner.json"), stamp);
		expect(inspectTaskDir(cwd, "t", OWNER)).toBe("foreign");
	}
	expect(readdirSync(join(cwd, ".dispatch/tasks"))).toEqual(["t"]);
});

test("a task that moved to this host keeps its directory, whether its stamp was changed before the start or not", async () => {
	const { cwd, dir } = await makeTask();
	writeFileSync(join(dir, "plan.md"), "- [x] the agent's own\n");
	const moved = { ...OWNER, host: "h2" };
	expect(inspectTaskDir(cwd, "t", moved)).toBe("foreign");
	expect(await removeTaskDir(cwd, "t", moved)).toBe(false);
	await createTaskDir(cwd, { ...SPEC, host: "h2" });
	expect(inspectTaskDir(cwd, "t", moved)).toBe("ours");
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("foreign");
	expect(readFileSync(join(dir, "plan.md"), "utf8")).toBe("- [x] the agent's own\n");
	expect(readdirSync(join(cwd, ".dispatch/tasks"))).toEqual(["t"]);
	restampTaskDir(cwd, "t", OWNER);
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("ours");
});

test.each([".dispatch", ".dispatch/tasks", ".dispatch/tasks/t", ".dispatch/tasks/t/ipc"])(
	"refuses a link or a file in the place of %s",
	async (part) => {
		for (const put of [
			(path: string, outside: string) => symlinkSync(outside, path),
			(path: string) => symlinkSync("nowhere", path),
			(path: string) => writeFileSync(path, ""),
		]) {
			const { cwd } = await makeTask();
			const outside = makeDirectory();
			rmSync(join(cwd, part), { recursive: true });
			put(join(cwd, part), outside);
			await expect(createTaskDir(cwd, SPEC)).rejects.toMatchObject({ code: "DISPATCH_BAD_CWD" });
			expect(readdirSync(outside)).toEqual([]);
		}
	},
);

test("inspecting: a link in the task's place is foreign, one above it is refused", async () => {
	const cwd = makeDirectory();
	mkdirSync(join(cwd, ".dispatch/tasks"), { recursive: true });
	symlinkSync(makeDirectory(), join(cwd, ".dispatch/tasks/t"));
	expect(inspectTaskDir(cwd, "t", OWNER)).toBe("foreign");
	rmSync(join(cwd, ".dispatch"), { recursive: true });
	symlinkSync("nowhere", join(cwd, ".dispatch"));
	expect(() => inspectTaskDir(cwd, "t", OWNER)).toThrow(
		expect.objectContaining({ code: "DISPATCH_BAD_CWD" }),
	);
});

test("a working directory that cannot be used is refused with the next step", async () => {
	const cwd = makeDirectory();
	writeFileSync(join(cwd, "file"), "");
	for (const path of [join(cwd, "none"), join(cwd, "file")]) {
		await expect(createTaskDir(path, SPEC)).rejects.toMatchObject({
			code: "DISPATCH_BAD_CWD",
			message: expect.stringContaining(path),
			hint: expect.stringContaining("--cwd"),
		});
	}
	await expect(createTaskDir(UNWRITABLE, SPEC)).rejects.toMatchObject({
		code: "DISPATCH_DISK",
		message: expect.stringContaining(join(UNWRITABLE, ".dispatch")),
		hint: expect.stringContaining("--cwd"),
	});
});

test("an id never leads elsewhere", () => {
	for (const id of ["..", "../x", "a/b", "", ".", "/etc"]) {
		expect(() => taskDirOf("/x", id)).toThrow(expect.objectContaining({ code: "DISPATCH_USAGE" }));
	}
});

test("removing takes our directory alone, and no link's target", async () => {
	const { cwd, dir } = await makeTask();
	const outside = makeDirectory();
	writeFileSync(join(outside, "kept"), "");
	symlinkSync(outside, join(dir, "link"));
	await createTaskDir(cwd, { ...SPEC, id: "t-2" });
	expect(await removeTaskDir(cwd, "t", OWNER)).toBe(true);
	expect(await removeTaskDir(cwd, "t", OWNER)).toBe(false);
	expect(readdirSync(join(cwd, ".dispatch/tasks"))).toEqual(["t-2"]);
	expect(readdirSync(outside)).toEqual(["kept"]);
});

test("old temporary files of ours go, everything else stays", async () => {
	const { dir, ipc } = await makeTask();
	const ours = ".001.answer.0123456789ab.tmp";
	const fresh = ".002.answer.0123456789ab.tmp";
	for (const name of [ours, fresh, "001.question.tmp", ".x.tmp"]) writeFileSync(join(ipc, name), "");
	for (const name of [ours, "001.question.tmp", ".x.tmp"]) utimesSync(join(ipc, name), 0, 0);
	await clearTemporaries(dir);
	expect(readdirSync(ipc).sort()).toEqual([fresh, ".x.tmp", "001.question.tmp"]);
});

test("a temporary file whose writer is dead goes at once, one of a live writer stays", async () => {
	const { dir, ipc } = await makeTask();
	const dead = spawnSync("true").pid;
	const [left, busy] = [dead, process.pid].map((pid) => `.plan.md.0123456789ab-${pid}.tmp`) as [
		string,
		string,
	];
	for (const folder of [dir, ipc, dirname(dir)])
		for (const name of [left, busy]) writeFileSync(join(folder, name), "");
	await clearTemporaries(dir);
	for (const folder of [dir, ipc, dirname(dir)]) {
		expect(readdirSync(folder)).toContain(busy);
		expect(readdirSync(folder)).not.toContain(left);
	}
});

test("the prompt is kept as it was given, and replaced by the next one", async () => {
	const { dir } = await makeTask();
	for (const prompt of ["first\r\n", "second \u2028 ü"]) {
		writePromptFile(dir, prompt);
		expect(readFileSync(join(dir, "prompt.md"), "utf8")).toBe(prompt);
	}
});

test("nothing of a task can be committed, whatever became of the .gitignore above it", async () => {
	const { cwd, dir, write } = await makeTask();
	const git = (...args: string[]) => spawnSync("git", args, { cwd, encoding: "utf8" });
	git("init", "-q");
	for (const name of ["prompt.md", "output.md", "context.md"]) writeFileSync(join(dir, name), "secret");
	write("001.question", "secret");
	moveIpcAside(dir, 1);
	const added = () => git("add", "-A", "--dry-run").stdout;
	expect(added()).toBe("");
	for (const spoil of [
		() => writeFileSync(join(cwd, ".dispatch/.gitignore"), ""),
		() => writeFileSync(join(cwd, ".dispatch/.gitignore"), "!*\n"),
		() => rmSync(join(cwd, ".dispatch/.gitignore")),
	]) {
		spoil();
		expect(added()).not.toContain("tasks/");
	}
	// The next start puts back what an agent took away.
	rmSync(join(dir, ".gitignore"));
	await createTaskDir(cwd, SPEC);
	expect(added()).toBe("");
});
