/** Several tasks at once: by ids, and by a filter. */
import { describe, expect, onTestFinished, test } from "vitest";
import { PROGRAM } from "../e2e/harness.ts";
import { specOf } from "../queue/records/store-support.ts";
import { answers, ask, asking, setTheStage, states, store, tasks, user } from "./several-stage.ts";
import { Screen } from "./tmux.ts";

setTheStage();

const SIZE = { columns: 100, rows: 24 };

function open(args: string[]): Screen {
	const screen = new Screen([process.execPath, PROGRAM, ...args], {
		...SIZE,
		cwd: user.project,
		env: user.env,
	});
	onTestFinished(() => screen.close());
	return screen;
}

describe("by ids", () => {
	test("what cannot be done to one is said in a line, the others are done, and the worst exit code counts", async () => {
		await tasks({ one: "failed", two: "queued", three: "completed" });
		const ran = await user.run(["rm", "one", "two", "three"]);
		expect(ran.code).toBe(8);
		expect(ran.stdout).toBe("Removed `one`.\nRemoved `three`.\n");
		expect(ran.stderr).toBe(
			"dispatch: `two` is queued, it has not ended. Cancel it first: dispatch cancel two [DISPATCH_NOT_ENDED]\n" +
				"dispatch: 1 of 3 tasks were not removed.\n",
		);
		expect(await states()).toEqual({ two: "queued" });
	});

	test.each([
		["cancel", "DISPATCH_ALREADY_ENDED", { id: "wait", state: "cancelled" }],
		["retry", "DISPATCH_NOT_ENDED", { id: "over", state: "queued" }],
		["rm", "DISPATCH_NOT_ENDED", "over"],
	])("%s --json is a list with an entry for each", async (command, code, done) => {
		await tasks({ wait: "queued", over: "failed" });
		if (command === "retry") await store.client.hset(store.keys.task("over"), "host", "elsewhere");
		const list = await user.json<unknown[]>([command, "wait", "over"], { code: 8 });
		const notDone = { id: command === "cancel" ? "over" : "wait", error: { code } };
		expect(list).toHaveLength(2);
		expect(list).toEqual(
			expect.arrayContaining([
				typeof done === "string" ? done : expect.objectContaining(done),
				expect.objectContaining({ ...notDone, error: expect.objectContaining(notDone.error) }),
			]),
		);
	});

	test("an id that is not there stops all of them before anything is done", async () => {
		await tasks({ one: "failed" });
		expect(await user.run(["rm", "one", "nobody"])).toMatchObject({ code: 6, stdout: "" });
		expect(await states()).toEqual({ one: "failed" });
	});

	test("one answer and one note go to several, their ids with commas between them", async () => {
		await tasks({ a1: "running", a2: "running", a3: "queued" });
		for (const id of ["a1", "a2"]) await ask(id, "001", "Blue?");
		const noted = await user.run(["note", "a1,a3", "Be", "quick"]);
		expect(noted.stdout).toMatch(/agent of `a1` sees it before.*\n.*agent of `a3` sees it when it goes on/);
		const answered = await user.run(["answer", "a1,a3,a2", "Yes,", "both"]);
		expect(answered.code).toBe(8);
		expect(answered.stdout).toMatch(/^`a1`: Answer .*\n`a2`: Answer .*\n$/);
		expect(answered.stderr).toMatch(/`a3` \(queued\) has no open question/);
		for (const id of ["a1", "a2"]) expect(await answers(id)).toEqual(["Yes, both"]);
	});

	test.each([
		[["answer", "a1", "a2", "take it"], "a1,a2"],
		[["answer", "a1", "a2", "a3", "take it"], "a1,a2,a3"],
		[["answer", "a1", "a2,a3", "take it"], "a1,a2,a3"],
		[["answer", "a1,a2", "a3", "take it"], "a1,a2,a3"],
		[["answer", "a1", "over", "take it"], "a1,over"],
		[["answer", "a1", "a2"], "a1,a2"],
		[["note", "a1", "a2", "hi"], "a1,a2"],
		[["note", "a1", "over", "hi"], "a1,over"],
		[["note", "a1,a2", "a3", "hi"], "a1,a2,a3"],
	])("%j sends no id as text: several take commas", async (args, ids) => {
		await asking({ a1: "Blue?", a2: "Red?", a3: "Green?" });
		await tasks({ over: "failed" }, "mini2");
		const ran = await user.run(args);
		expect(ran).toMatchObject({ code: 2, stdout: "" });
		expect(ran.stderr).toContain("which is the id of another task: nothing was sent.");
		expect(ran.stderr).toContain(`Several ids take commas: dispatch ${args[0]} ${ids} "…"`);
		expect([await answers("a1"), await answers("a2"), await answers("a3")]).toEqual([[null], [null], [null]]);
		expect(await store.client.hgetall(store.keys.notes("a1"))).toEqual({});
	});

	test("a text that only begins like an id, in quotes, from stdin or as an option's number is sent", async () => {
		await asking({ a1: "Blue?", a2: "Red?", 3: "Green?" });
		await tasks({ over: "failed" }, "mini2");
		await user.ok(["answer", "a1", "a2 first"]);
		await user.ok(["answer", "a2", "3"]);
		await user.ok(["answer", "3", "over"]);
		expect([await answers("a1"), await answers("a2"), await answers("3")]).toEqual([
			["a2 first"],
			["3"],
			["over"],
		]);
		expect((await user.run(["note", "a1", "-"], { input: "a2" })).code).toBe(0);
	});

	test("whoever takes ids takes those with commas between them, as they are printed to be repeated", async () => {
		await tasks({ a1: "queued", a2: "queued", a3: "failed", a4: "failed" }, "mini2");
		const ran = (...words: string[]) => user.run(words);
		expect((await ran("cancel", "a1,a2")).stdout).toBe("Cancelled `a1`.\nCancelled `a2`.\n");
		expect((await ran("wait", "a1,a3")).stdout).toMatch(/^`a1` .*\n`a3` .*\n$/);
		expect((await ran("retry", "a3,a4")).stdout).toMatch(/^`a3` starts.*\n`a4` starts.*\n$/);
		expect((await ran("rm", "a1,a2")).stdout).toBe("Removed `a1`.\nRemoved `a2`.\n");
		expect(await states()).toEqual({ a3: "queued", a4: "queued" });
	});

	test("a task that never ran starts, and starts again only later", async () => {
		await tasks({ never: "queued", ran: "failed" }, "mini2");
		await user.ok(["cancel", "never"]);
		const { stdout } = await user.run(["retry", "never", "ran"]);
		expect(stdout).toMatch(/^`never` starts, using .*\n`ran` starts again where it stopped, using .*\n$/);
	});

	test("a printed command that is pasted as it stands sends no placeholder", async () => {
		await asking({ a1: "Blue?", a2: "Red?" });
		for (const args of [
			["a1,a2", "…"],
			["--host", "mini2", "--yes", "…"],
		]) {
			const ran = await user.run(["answer", ...args]);
			expect(ran).toMatchObject({ code: 2, stdout: "" });
			expect(ran.stderr).toBe(
				'dispatch: Expected an answer, got the placeholder "…". Write the answer in its place. [DISPATCH_USAGE]\n',
			);
		}
		expect([await answers("a1"), await answers("a2")]).toEqual([[null], [null]]);
	});

	test("a Redis that is full took nothing, and is there", async () => {
		await tasks({ one: "running", two: "running" }, "mini2");
		await store.client.config("SET", "maxmemory", "1");
		const ran = await user.run(["note", "one,two", "hello"]);
		await store.client.config("SET", "maxmemory", "0");
		expect(ran.stderr).toMatch(
			/is full: OOM .* Nothing was written\. \[DISPATCH_REDIS_FULL\]\ndispatch: Before that 0 of 2 tasks were told\.\ndispatch: Left as they were: one,two\. Once Redis has room, repeat the command with these ids\.\n$/,
		);
		expect(ran).toMatchObject({ code: 5, stdout: "" });
	});
});

describe("by a filter", () => {
	test("several are refused where nobody can be asked, unless --yes is given; one is done", async () => {
		await tasks({ one: "failed", two: "failed", three: "queued" });
		const refused = await user.run(["rm", "--tag", "team=web"]);
		expect(refused).toMatchObject({ code: 2, stdout: "" });
		expect(refused.stderr).toMatch(
			/2 tasks match, and nobody can be asked here\. Remove them all with --yes\. \[DISPATCH_USAGE\]/,
		);
		expect(Object.keys(await states())).toHaveLength(3);
		expect(await user.ok(["cancel", "--state", "queued"])).toBe("Cancelled `three`.\n");
		expect(await user.ok(["rm", "--tag", "team=web", "--state", "failed", "-y"])).toMatch(
			/^(Removed `\w+`\.\n){2}$/,
		);
		expect(await states()).toEqual({ three: "cancelled" });
	});

	test("a filter that hits nothing says so and is no error", async () => {
		await tasks({ one: "queued" });
		for (const args of [
			["rm", "--state", "failed"],
			["retry", "--failed"],
			["cancel", "--tag", "team=core"],
		])
			expect(await user.ok(args)).toMatch(/^No task matches: nothing was [\w ]+\.\n$/);
		expect(await user.json(["retry", "--failed"])).toEqual([]);
		expect(await user.ok(["answer", "--tag", "team=web", "Yes"])).toContain("nothing was answered");
	});

	test("what names a task is no text for all the others, unless it comes from stdin", async () => {
		await asking({ five: "Blue?", six: "Red?" });
		const at = ["--host", "mini2", "--yes"];
		for (const [words, says] of [
			[
				["five", "stop here"],
				/text as one argument beside --host mini2, got 2; the first is "five"\. Put all of it in quotes/,
			],
			[["five"], /an id or --host mini2, got both: "five" names `five`\. Leave one of them out/],
			[["fi"], /an id or --host mini2, got both: "fi" names `five`/],
			[["nobody,six"], /got both: "nobody,six" names `six`.*read from stdin with `-`/],
		] as const)
			for (const command of ["note", "answer"]) {
				const ran = await user.run([command, ...at, ...words]);
				expect(ran.stderr).toMatch(says);
				expect(ran).toMatchObject({ code: 2, stdout: "" });
			}
		expect([await answers("five"), await answers("six")]).toEqual([[null], [null]]);
		expect(await user.ok(["note", ...at, "Five, stop here"])).toMatch(/(^Noted\..*\n){2}/m);
		expect(await user.run(["answer", ...at, "-"], { input: "five" })).toMatchObject({ code: 0 });
		expect([await answers("five"), await answers("six")]).toEqual([["five"], ["five"]]);
	});

	test("tasks of another host are left out and counted, unless they are named", async () => {
		await tasks({ mine: "failed" });
		await tasks({ hers: "failed" }, "mini2");
		const ran = await user.run(["rm", "--state", "failed"]);
		expect(ran.stdout).toBe("Removed `mine`.\n");
		expect(ran.stderr).toMatch(/1 such task of other hosts left out; --any-host/);
		expect(await user.ok(["rm", "--state", "failed", "--any-host"])).toBe("Removed `hers`.\n");
	});

	test("retry takes what failed, and what was cancelled only by its state", async () => {
		await tasks({ bad: "failed", good: "completed" }, "mini2");
		await store.create(specOf("off", { host: "mini2" }));
		await store.cancel("off", "test");
		const retry = ["retry", "--host", "mini2"];
		expect(await user.ok(retry)).toMatch(/^`bad` starts again/);
		expect(await user.ok([...retry, "--failed"])).toContain("No task matches");
		expect(await user.ok([...retry, "--state", "cancelled"])).toMatch(/^`off` starts, using/);
		expect(await states()).toMatchObject({ bad: "queued", good: "completed", off: "queued" });
	});

	test.each([
		[
			["cancel", "--state", "failed"],
			/--state to be .*, got "failed"\. Tasks in another state cannot be cancelled/,
		],
		[["rm", "--state", "gone"], /--state to be completed, failed or cancelled, got "gone"/],
		[["rm", "one", "--state", "failed"], /Expected ids or a filter, got both/],
		[["retry", "--here", "--failed"], /--host beside --here/],
		[["cancel"], /argument 'ids'.*dispatch cancel --help/],
		[["note", "--tag", "a=b"], /argument 'text'/],
	])("%j is wrong use", async (args, says) => {
		const ran = await user.run(args);
		expect(ran.stderr).toMatch(says);
		expect(ran.code).toBe(2);
	});
});

describe("on a terminal", () => {
	test("a person sees how many and which, and says yes; Enter alone does nothing", async () => {
		await tasks({ one: "queued", two: "queued" });
		const screen = open(["cancel", "--state", "queued"]);
		await screen.waitFor(/(?<!\S )two \(queued, in\s[\s\S]*?\none \(queued, in\s[\s\S]*Cancel 2 tasks\?/);
		screen.keys("Enter");
		await screen.waitFor(/Nothing was cancelled\.\nended with 130/);
		expect(await states()).toEqual({ one: "queued", two: "queued" });
		const again = open(["cancel", "--state", "queued"]);
		await again.waitFor("Cancel 2 tasks?");
		again.keys("y");
		await again.waitFor(/Cancelled `one`[\s\S]*ended with 0/);
		expect(await states()).toEqual({ one: "cancelled", two: "cancelled" });
	});

	test("an answer shows what each task asks, and goes to no question that was not shown", async () => {
		await asking({ one: "Which port?", two: "Which\ncolour?\n\nOptions:\n1. 8080\n2. red" });
		const screen = open(["answer", "--host", "mini2", "8080"]);
		await screen.waitFor(
			/one \(asking, in\s[\s\S]*\n {2}asks:\n {4}Which port\?\n[\s\S]*\n {2}asks:\n {4}Which\n {4}colour\?[\s\S]*\n {4}1\. 8080\n {4}2\. red\n[\s\S]*Answer 2 tasks\?/,
		);
		await store.answer("one", { text: "22", by: "test", token: "t" });
		await ask("one", "002", "Delete it all?");
		screen.keys("y");
		await screen.waitFor(/`one` asks something else by now: left alone[\s\S]*ended with 8/);
		expect([await answers("one"), await answers("two")]).toEqual([["22", null], ["8080"]]);
	});

	test("who asked first is shown first, whichever was submitted first", async () => {
		await tasks({ early: "running" }, "mini2");
		await asking({ late: "Which port?" });
		const [asked] = await store.questions("late");
		await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(asked?.askedAt ?? 0);
		await ask("early", "001", "Which colour?");
		const screen = open(["answer", "--host", "mini2", "8080"]);
		const text = await screen.waitFor("Answer 2 tasks?");
		expect(text).toMatch(/late \(asking[\s\S]*early \(asking/);
	});

	test("a long question is shown to its end in rows of its own; one that nobody reads here is not agreed to", async () => {
		await asking({ one: `${"word ".repeat(200)}and drop it?`, two: `${"word ".repeat(2_000)}?` });
		const screen = open(["answer", "--host", "mini2", "Yes"]);
		await screen.waitFor(/and drop it\?[\s\S]*Answer 1 task\?/);
		expect(screen.text()).not.toMatch(/^word/m);
		screen.keys("y");
		await screen.waitFor(/The question of `two` is too long to be read here[\s\S]*ended with/);
		expect([await answers("one"), await answers("two")]).toEqual([["Yes"], [null]]);
	});

	test("a task that was started again while the person thinks is left alone, also where it has ended since", async () => {
		await tasks({ one: "failed", two: "failed" }, "mini2");
		const screen = open(["rm", "--state", "failed", "--host", "mini2"]);
		await screen.waitFor("Remove 2 tasks?");
		for (const [from, to] of [
			["failed", "queued"],
			["queued", "failed"],
		] as const)
			expect(await store.move({ id: "one", from: [from], to, set: {} })).toMatchObject({ result: "moved" });
		screen.keys("y");
		await screen.waitFor(/`one` was started again, it is failed by now: left alone[\s\S]*ended with 8/);
		expect(await states()).toEqual({ one: "failed" });
	});

	// Of another host: this one's worker would start what is queued.
	test("a task that has moved on while the person thinks is left alone", async () => {
		await tasks({ one: "failed", two: "failed" }, "mini2");
		const screen = open(["rm", "--state", "failed", "--host", "mini2"]);
		await screen.waitFor("Remove 2 tasks?");
		for (const [from, to] of [
			["failed", "queued"],
			["queued", "cancelled"],
		] as const)
			expect(await store.move({ id: "one", from: [from], to, set: {} })).toMatchObject({ result: "moved" });
		screen.keys("y");
		await screen.waitFor(/`one` is cancelled by now, it was failed: left alone[\s\S]*ended with 8/);
		expect(await states()).toEqual({ one: "cancelled" });
	});
});
