/** A batch as one thing: what is seen of it, and what is done to it as a whole. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const TASKS = {
	name: "Nightly checks",
	tasks: [
		{ id: "good", prompt: "«true»" },
		{ id: "bad", prompt: "«test -e ready»", attempts: 1 },
		{ id: "after-bad", prompt: "«true»", needs: ["bad"] },
	],
};

const statesOf = async (batch: string) => {
	const { counts, tasks } = JSON_SCHEMAS["batch status"].parse(await user.json(["batch", "status", batch]));
	return { counts, states: Object.fromEntries(tasks.map(({ id, state }) => [id, state])) };
};

test("it is listed, shown, waited for and started again as a whole, by its id or its key", async () => {
	user = new User({ agent: "does-as-told.sh" });
	user.write("nightly.json", JSON.stringify(TASKS));
	const put = await user.ok(["batch", "nightly.json", "--key", "ci/42"]);
	expect(put).toContain("dispatch batch status ci-42");
	for (const task of JSON_SCHEMAS.ls.parse(await user.json(["ls"])))
		expect(task).toMatchObject({ batch: "ci-42" });
	for (const command of ["status", "wait", "cancel", "logs", "output"])
		expect(await user.run([command, "ci-42"])).toMatchObject({
			code: 6,
			stderr: expect.stringMatching(
				/There is no task "ci-42": it is a batch\. `dispatch batch status ci-42`/,
			),
		});
	const waited = await user.run(["batch", "wait", "ci/42"]);
	expect(waited).toMatchObject({
		code: 1,
		stdout: expect.stringMatching(/1 completed, 1 failed, 1 skipped in .*\n$/),
	});
	expect(
		JSON_SCHEMAS["batch wait"].parse(
			JSON.parse((await user.run(["batch", "wait", "ci-4", "--json"])).stdout),
		),
	).toHaveLength(3);
	expect(await statesOf("ci-42")).toEqual({
		counts: { completed: 1, failed: 1, cancelled: 1 },
		states: { good: "completed", bad: "failed", "after-bad": "cancelled" },
	});
	const [listed] = JSON_SCHEMAS["batch ls"].parse(await user.json(["batch", "ls"]));
	expect(listed).toMatchObject({
		id: "ci-42",
		name: "Nightly checks",
		key: "ci/42",
		counts: { completed: 1, failed: 1, cancelled: 1 },
		skipped: 1,
		size: 3,
		file: join(user.project, "nightly.json"),
	});
	expect(await user.ok(["batch", "ls"])).toMatch(
		/^ci-42 .* Nightly checks +1 completed, 1 failed, 1 skipped$/m,
	);
	expect(await user.ok(["batch", "status", "ci-42"])).toMatch(
		/^ci-42 \(Nightly checks\): 3 tasks[\s\S]*\nbad +failed[\s\S]*dispatch batch retry ci-42 --failed$/m,
	);
	user.write("ready", "");
	const retried = JSON_SCHEMAS["batch retry"].parse(await user.json(["batch", "retry", "ci-42", "--failed"]));
	expect(retried.map(({ id }) => id)).toEqual(["bad"]);
	expect(await user.run(["batch", "wait", "ci-42", "--quiet"])).toMatchObject({ code: 0 });
	expect(await user.ok(["batch", "retry", "ci-42"])).toContain("Nothing to start again");
	// It goes with its last task.
	await user.ok(["rm", "good", "bad", "after-bad"]);
	expect(await user.ok(["batch", "ls"])).toBe("No batches.\n");
	const gone = await user.run(["batch", "status", "ci-42", "--json"]);
	expect(gone).toMatchObject({ code: 6, stdout: expect.stringContaining("DISPATCH_NO_SUCH_BATCH") });
});

test("`on_failure: stop`: what has not begun when one fails is not started, and goes on after it once that is mended", async () => {
	user = new User({ agent: "does-as-told.sh", config: "worker: { concurrency: 1 }" });
	const tasks = ["bad", "first", "second"].map((id) => ({
		...{ id, attempts: 1, prompt: id === "bad" ? "«test -e ready»" : "«true»" },
	}));
	user.write("stop.json", JSON.stringify({ name: "gate", on_failure: "stop", tasks }));
	const waited = await user.run(["batch", "stop.json", "--wait"]);
	expect(waited).toMatchObject({ code: 1, stdout: expect.stringMatching(/1 failed, 2 skipped in .*\n$/) });
	expect(await user.ok(["status", "second"])).toContain(
		"its batch stops at a failure (on_failure), and `bad` failed. To start both: dispatch retry bad",
	);
	const alone = await user.run(["retry", "second"]);
	expect(alone).toMatchObject({
		code: 8,
		stderr: expect.stringContaining("The batch of `second` stops at `bad`, which failed."),
	});
	user.write("ready", "");
	const again = await user.run(["batch", "retry", "gate", "--failed"]);
	expect(again.code).toBe(0);
	expect(await user.run(["batch", "wait", "gate"])).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("3 completed"),
	});
});

test("what has not ended is cancelled, without its tasks being skipped because of each other", async () => {
	user = new User({ agent: "does-as-told.sh" });
	user.write(
		"ls",
		JSON.stringify({
			tasks: [
				{ id: "done", prompt: "«true»" },
				{ id: "long", prompt: "«sleep 1000»" },
				{ id: "next", prompt: "«true»", needs: ["long"] },
				{ id: "last", prompt: "«true»", needs: ["next", "long"] },
			],
		}),
	);
	await user.ok(["batch", "./ls"]);
	await user.ok(["wait", "done"]);
	await user.waitForState("long", "running");
	const cancelled = await user.run(["batch", "cancel", "ls"]);
	expect(cancelled).toMatchObject({ code: 0, stderr: "" });
	for (const id of ["long", "next", "last"]) expect(cancelled.stdout).toContain(`Cancelled \`${id}\``);
	expect((await statesOf("ls")).states).toEqual({
		done: "completed",
		long: "cancelled",
		next: "cancelled",
		last: "cancelled",
	});
	expect(await user.run(["batch", "cancel", "ls"])).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("Nothing to cancel"),
	});
	// All of them again, each in its order.
	const retried = await user.json<{ id: string }[]>(["batch", "retry", "ls", "--fresh"]);
	expect(retried.map(({ id }) => id)).toEqual(["long", "next", "last"]);
	expect(JSON_SCHEMAS["batch cancel"].parse(await user.json(["batch", "cancel", "ls"]))).toHaveLength(3);
});

test("what somebody else wrote into the lists of Redis takes no batch from anybody, and no other task into one", async () => {
	user = new User({ agent: "does-as-told.sh" });
	const long = (id: string) => ({ id, prompt: "«sleep 1000»", delay: "1h" });
	user.write("nightly.json", JSON.stringify([long("own")]));
	user.write("other.json", JSON.stringify([long("victim")]));
	for (const file of ["nightly.json", "other.json"]) await user.ok(["batch", file]);
	const hostile = "\u001b]0;pwned\u0007\n::error::";
	const client = new Redis({ path: join(user.home, "redis/redis.sock") });
	const key = (name: string) => `{dispatch:default}:${name}`;
	try {
		for (const name of ["evil", hostile]) {
			await client.zadd(key("batches"), 1, name);
			await client.set(key(`members:${name}`), "x");
		}
		await client.zadd(key("members:nightly"), 9, "victim");
	} finally {
		client.disconnect();
	}
	expect(JSON_SCHEMAS["batch ls"].parse(await user.json(["batch", "ls"])).map(({ id }) => id)).toEqual(
		expect.arrayContaining(["nightly", "other", "evil"]),
	);
	const doctor = await user.run(["doctor"]);
	expect(doctor.stdout).toContain('The record of the batch "evil" in Redis is damaged');
	const status = await user.ok(["batch", "status", "evil"]);
	expect(status).toContain("dispatch batch cancel evil");
	for (const args of [["ls"], ["ls", "--quiet"], ["status", hostile]]) {
		const { code, stdout, stderr } = await user.run(["batch", ...args], {
			env: { CI: "true", GITHUB_ACTIONS: "true" },
		});
		expect(code).toBe(0);
		expect(stdout + stderr).not.toMatch(/[\u001b\u0007]|^::/m);
	}
	expect(await user.ok(["batch", "cancel", "evil"])).toContain("it was taken away");
	// All of those that no task is of.
	for (const name of ["evil", hostile])
		expect(await user.run(["batch", "cancel", name])).toMatchObject({ code: 6 });
	const cancelled = await user.json<{ id: string }[]>(["batch", "cancel", "nightly"]);
	expect(cancelled.map(({ id }) => id)).toEqual(["own"]);
	expect(Object.values((await statesOf("other")).states)).toEqual(["queued"]);
	expect((await user.run(["doctor"])).stdout).not.toContain("the batch");
});

test.each([
	[["batch", "status", "nosuch"], 6, /There is no batch "nosuch"/],
	[["batch", "status"], 2, /missing required argument|Expected/i],
	[["batch", "wait", "nosuch", "--timeout", "soon"], 2, /--timeout/],
	[["batch", "cancel", "nosuch", "--dry-run"], 2, /--dry-run/],
	[["batch", "ls", "--key", "x"], 2, /--key/],
	[["batch", "lss"], 2, /"batch lss".*`dispatch batch ls`/],
])("%j is refused in a line", async (args, code, says) => {
	user = new User({ agent: "does-as-told.sh" });
	await user.ok(["ls"]);
	const ran = await user.run(args);
	expect(ran).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(says) });
	expect(ran.stderr.trim().split("\n")).toHaveLength(1);
	expect(existsSync(join(user.project, ".dispatch"))).toBe(false);
});
