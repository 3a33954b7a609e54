/** Several tasks at once, and Redis goes in the middle of it. */
import { expect, onTestFinished, test } from "vitest";
import { RefusingRedis } from "../refusing-redis.ts";
import { answers, asking, redis, setTheStage, states, store, tasks, user } from "./several-stage.ts";

setTheStage();

/** Of the second task on nothing is taken. */
async function cut(args: string[]) {
	const proxy = new RefusingRedis(redis.socketPath);
	await proxy.start();
	onTestFinished(() => proxy.stop());
	proxy.takenUntil = '"id":"two"';
	proxy.errors = ["MISCONF Redis cannot write to its disk"];
	return user.run([...args, "--redis", proxy.url]);
}

const SAYS = (done: string) =>
	new RegExp(
		`^(?:dispatch: The files of .*\n)?dispatch: Redis at \\S+ refuses: MISCONF.*\\[DISPATCH_REDIS_UNREACHABLE\\]\\n` +
			`dispatch: Before that 1 of 3 tasks were ${done}\\. Not known: two \\(.*\\n` +
			"dispatch: Commands shown here need it too: --redis \\S+\n" +
			"dispatch: Left as they were: three\\. Once Redis is back, repeat the command with these ids\\.\\n$",
	);

test.each([
	["rm one two three", "failed", "removed", /^Removed `one`\.\n$/],
	["retry one two three", "failed", "started again", /^`one` starts again .*\n$/],
	["note one,two,three Quick", "running", "told", /^Noted\. The agent of `one` .*\n$/],
] as const)(
	"%s: what was done is told, and what was not, with how to go on",
	async (line, state, done, says) => {
		await tasks({ one: state, two: state, three: state }, "mini2");
		const ran = await cut(line.split(" "));
		expect(ran.stdout).toMatch(says);
		expect(ran.stderr).toMatch(SAYS(done));
		expect(ran.code).toBe(5);
	},
);

test("answer tells it, too, and no worker is started on such a Redis", async () => {
	await asking({ one: "Blue?", two: "Red?", three: "Green?" });
	const ran = await cut(["answer", "one,two,three", "Yes"]);
	expect(ran.stdout).toMatch(/^`one`: Answer sent.*\n$/);
	expect(ran.stderr).toMatch(SAYS("answered"));
	expect(ran.code).toBe(5);
	expect([await answers("one"), await answers("three")]).toEqual([["Yes"], [null]]);
});

test("cancel asks for all at once: of each that was not answered it says that it is not known", async () => {
	await tasks({ one: "queued", two: "queued", three: "queued" });
	const ran = await cut(["cancel", "two", "one", "three"]);
	expect(ran.stdout).toBe("");
	expect(ran.stderr).toMatch(/Before that 0 of 3 tasks were cancelled\. Not known: two,one,three \(/);
	expect(ran.code).toBe(5);
});

test("with --json each has its entry all the same", async () => {
	const error = expect.objectContaining({ code: "DISPATCH_REDIS_UNREACHABLE" });
	const left = [
		{ id: "two", error },
		{ id: "three", error },
	];
	await tasks({ one: "failed", two: "failed", three: "failed" }, "mini2");
	const retried = await cut(["retry", "one", "two", "three", "--json"]);
	expect(JSON.parse(retried.stdout)).toEqual([{ id: "one" }, ...left]);
	await store.move({ id: "one", from: ["queued"], to: "failed", set: {} });
	const removed = await cut(["rm", "one", "two", "three", "--json"]);
	expect(JSON.parse(removed.stdout)).toEqual(["one", ...left]);
	expect([retried.code, removed.code]).toEqual([5, 5]);
});

test("prune tells what it has removed", async () => {
	await tasks({ one: "failed" });
	await tasks({ two: "failed" });
	const ran = await cut(["prune", "--older-than", "0s"]);
	expect(ran.stdout).toMatch(/^Removed [01] of 2 tasks\.\n$/);
	expect(ran.stderr).toMatch(
		/MISCONF.*\ndispatch: Not known: two \(look once Redis is back: dispatch ls --all\)\.\ndispatch: Commands shown here need it too: --redis \S+\ndispatch: The rest stays\. Once Redis is back, the same command removes it/,
	);
	expect(ran.code).toBe(5);
	expect(Object.keys(await states())).toContain("two");
});
