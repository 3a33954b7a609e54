import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { PROGRAM, type Task, User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

test("the main job: enqueue, question, answer, report", async () => {
	user = new User({ agent: "ten-line.sh" });
	const submitted = await user.ok(["enqueue", "Paint the shed"]);
	expect(submitted).toMatch(
		/^Dispatched `[a-z0-9-]+` using fake \(.+\)\.\nThe agent writes its plan first\.\nFollow it with: dispatch status /,
	);
	const id = submitted.split("`")[1] ?? "";

	const asking = await user.taskInState(id, "asking");
	expect(asking.questions).toMatchObject([{ seq: "001", answer: null }]);
	const report = await user.ok(["status", id]);
	expect(report).toContain("Which colour?");
	expect(report).toContain(`dispatch answer ${id} "…"`);
	expect(report).toContain("[x] Look around");
	expect(report).toContain("[ ] Ask for the colour");
	expect(await user.json<object[]>(["questions"])).toMatchObject([
		{ task: id, seq: "001", text: expect.stringContaining("Which colour?") },
	]);

	expect(await user.ok(["answer", id, "Deep", "red; $(touch pwned)"])).toBe(
		'Answer sent. Worker is continuing. (Question 001: "Which colour?")\n',
	);
	const second = await user.run(["answer", id, "Blue"]);
	expect(second.code).toBe(8);
	expect(second.stderr).toMatch(/answered by .+@.+: "Deep red; .*\[DISPATCH_ALREADY_ANSWERED\]/);

	const waited = await user.ok(["wait", id]);
	expect(waited.trimEnd().split("\n").at(-1)).toContain(`\`${id}\` complete.`);
	expect(await user.ok(["output", id])).toContain("The answer: Deep red; $(touch pwned)");
	const done = await user.json(["status", id]);
	expect(done).toMatchObject({ state: "completed", plan: { done: 3, total: 3 }, attempt: 1 });
	expect(done.questions[0]?.deliveredAt).toEqual(expect.any(String));

	const late = await user.run(["answer", id, "Green", "--json"]);
	expect(late.code).toBe(8);
	expect(JSON.parse(late.stdout)).toMatchObject({ error: { code: "DISPATCH_ALREADY_ANSWERED" } });
});

test("a prompt arrives byte for byte, and two same prompts are two tasks", async () => {
	user = new User({ agent: "records-args.sh" });
	const prompt = 'Don\'t "quote" `me`; $(touch pwned) $HOME \\n\n\tzweite Zeile: ümläut 🦀 -- --json\n';
	const [first, second] = [
		await user.json(["enqueue", "-"], { input: prompt }),
		await user.json(["enqueue", "-"], { input: prompt }),
	];
	expect(second.id).toBe(`${first.id}-2`);
	expect(first).toMatchObject({ prompt });
	for (const { id } of [first, second]) {
		await user.waitForState(id, "completed");
		expect(readFileSync(user.taskFile(id, "args.bin"), "utf8")).toContain(prompt.trim());
	}
	expect(await user.json<Task[]>(["ls"])).toHaveLength(2);
});

test("`dispatch enqueue x | cat` ends although it started Redis and a worker", async () => {
	user = new User({ agent: "all-done-no-donefile.sh" });
	const line = `"${process.execPath}" "${PROGRAM}" enqueue "Do it" 2>&1 | cat`;
	const { stdout } = await promisify(execFile)("sh", ["-c", line], {
		cwd: user.project,
		env: user.env,
		timeout: CONDITION_LIMIT_MS,
	});
	expect(stdout).toContain("Dispatched `");
	expect(user.daemonPid()).not.toBeNull();
	expect(user.processes().some(({ command }) => command.includes("redis"))).toBe(true);
	await user.ok(["down", "--stop-agents"]);
	await expect.poll(() => user.processes()).toEqual([]);
});

test("batch --wait: 0 when all completed, 1 when one failed, nothing when one is wrong", async () => {
	user = new User({ agent: "all-done-no-donefile.sh", agents: { broken: "item-error.sh" } });
	user.write(
		"good.yaml",
		"tasks:\n  - prompt: One\n    id: one\n  - prompt: Two\n    id: two\n    tags: { kind: b }\n",
	);
	const done = await user.json<Task[]>(["batch", "good.yaml", "--wait", "--key", "k"]);
	expect(done.map(({ id, state }) => [id, state])).toEqual([
		["one", "completed"],
		["two", "completed"],
	]);
	expect(await user.json<Task[]>(["batch", "good.yaml", "--wait", "--key", "k"])).toHaveLength(2);

	user.write("wrong.yaml", "- prompt: Fine\n  id: fine\n- prompt: Wrong\n  cwd: nowhere\n");
	const wrong = await user.run(["batch", "wrong.yaml"]);
	expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/wrong\.yaml:4:3: .*nowhere/) });
	user.write("taken.yaml", "- prompt: Fine\n- prompt: Again\n  id: one\n");
	const taken = await user.run(["batch", "taken.yaml"]);
	expect(taken).toMatchObject({ code: 8, stdout: "" });
	expect(taken.stderr).toMatch(
		/taken\.yaml:3:3: \[1\]\.id: There is a task "one" already\. Choose another `id:`, leave it out, or remove the old one: dispatch rm one /,
	);
	for (const { stderr } of [wrong, taken]) expect(stderr).not.toMatch(/--(?:id|cwd)/);
	user.write(
		"fails.json",
		JSON.stringify([
			{ prompt: "Three", id: "three" },
			{ prompt: "Four", id: "four", model: "broken", attempts: 1 },
		]),
	);
	const failed = await user.run(["batch", "fails.json", "--wait"]);
	expect([failed.code, failed.stderr]).toEqual([1, ""]);
	expect(failed.stdout).toContain("`four` failed (item_error).");
	expect((await user.json<Task[]>(["ls"])).map(({ id }) => id).sort()).toEqual([
		"four",
		"one",
		"three",
		"two",
	]);
});
