import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { errorViewSchema, openQuestionSchema, taskViewSchema } from "../../src/task/view-schema.ts";
import { User } from "../e2e/harness.ts";

let user: User;
beforeAll(async () => {
	user = new User();
	await user.ok(["enqueue", "--id", "first", "--tag", "team=core", "Review the login code"]);
	await user.waitForState("first", "asking");
});
afterAll(() => user.cleanup());

const listed = z.array(taskViewSchema.partial({ prompt: true }));

test("what --json prints is what the schemas say", async () => {
	taskViewSchema.parse(await user.json(["enqueue", "--id", "second", "Do it"]));
	taskViewSchema.parse(await user.json(["status", "first"]));
	expect(listed.parse(await user.json(["ls"])).map(({ id }) => id)).toEqual(["second", "first"]);
	const open = z.array(openQuestionSchema).parse(await user.json(["questions"]));
	expect(open.map(({ task }) => task)).toContain("first");
	await user.ok(["answer", "first", "yes"]);
	expect(taskViewSchema.parse(await user.json(["wait", "first"])).state).toBe("completed");
	expect(taskViewSchema.parse(await user.json(["status", "first"])).reportPath).not.toBeNull();
});

test("an error is one JSON document on stdout, under its exit code", async () => {
	const cases: [string[], number, string][] = [
		[["status", "nothing-like-it"], 6, "DISPATCH_NO_SUCH_TASK"],
		[["enqueue", "--priority", "0", "x"], 2, "DISPATCH_USAGE"],
		[["nonsense"], 2, "DISPATCH_USAGE"],
		[["ls", "--redis", "redis://127.0.0.1:1"], 5, "DISPATCH_REDIS_UNREACHABLE"],
	];
	for (const [args, code, name] of cases) {
		const ran = await user.run([...args, "--json"]);
		expect(ran.code, args.join(" ")).toBe(code);
		const { error } = errorViewSchema.parse(JSON.parse(ran.stdout));
		expect(error.code).toBe(name);
		expect(error.message).not.toContain("\n");
	}
});
