/** How a run ends: exit code 0 alone never means success, and every failure says why and what to do. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WAIT_LIMIT } from "../patience.ts";
import { type Task, User } from "./harness.ts";

/** Name of the model and the task → its agent; `missing` is a CLI that is not installed. */
const AGENTS = {
	"open-items": "exit0-open-items.sh",
	"no-items": "exit0-no-items.sh",
	"deleted-items": "deletes-given-items.sh",
	"no-done-file": "all-done-no-donefile.sh",
	"item-error": "item-error.sh",
	missing: "no-such-cli",
};
const GIVEN: Partial<Record<keyof typeof AGENTS, string[]>> = { "deleted-items": ["List the entry points"] };

let user: User;
beforeAll(async () => {
	user = new User({ agents: AGENTS });
	for (const id of Object.keys(AGENTS) as (keyof typeof AGENTS)[]) {
		const items = (GIVEN[id] ?? []).flatMap((item) => ["--item", item]);
		await user.ok(["enqueue", "--id", id, "--model", id, "--attempts", "1", ...items, "Review it"]);
	}
});
afterAll(() => user.cleanup());

/** Waits for the end. @returns the task, and what a person reads about it */
async function ended(id: keyof typeof AGENTS, state: string): Promise<{ task: Task; report: string }> {
	const task = await user.taskInState(id, state);
	return { task, report: await user.ok(["status", id]) };
}

describe("exit code 0 is `incomplete` with", () => {
	test("an open item, in spite of .done", async () => {
		const { task, report } = await ended("open-items", "failed");
		expect(task).toMatchObject({ reason: "incomplete", attempt: 1, outcome: { exitCode: 0 } });
		expect(report).toContain(
			"Failed (incomplete): The agent ended, but 1 of 2 items is open; the first: Second.",
		);
		expect(report).toContain("dispatch retry open-items");
	});

	test("no items; its last lines of output are shown", async () => {
		const { task, report } = await ended("no-items", "failed");
		expect(task).toMatchObject({ reason: "incomplete", outcome: { logTail: ["All done, trust me."] } });
		expect(report).toContain("the plan has no items");
		expect(report).toContain("Its last lines:\n  | All done, trust me.\n");
	});

	test("given items gone, although all that are left are checked", async () => {
		const { task, report } = await ended("deleted-items", "failed");
		expect(task).toMatchObject({ reason: "incomplete", plan: { done: 1, total: 1 } });
		expect(report).toContain("a given item is gone from the plan: List the entry points");
	});
});

test("all items checked without .done is completed, with a warning", async () => {
	const { task, report } = await ended("no-done-file", "completed");
	expect(task).toMatchObject({ reason: null, plan: { done: 2, total: 2 } });
	expect(report).toContain("Warning: all items are checked but .done is missing");
});

test("an item marked [!] is `item_error`, with the agent's description", async () => {
	const { task, report } = await ended("item-error", "failed");
	expect(task.reason).toBe("item_error");
	expect(report).toContain(
		'Failed (item_error): The agent gave up at "Migrate the database": The database refuses the login.',
	);
	expect(report).toContain("[!] Migrate the database");
});

test("a missing CLI is `not_started`, with the way to mend it", async () => {
	const { task, report } = await ended("missing", "failed");
	expect(task).toMatchObject({ reason: "not_started", outcome: { exitCode: 127 } });
	expect(report).toMatch(/Failed \(not_started\): missing could not be started.+no-such-cli.+not found/);
	expect(report).toContain("check `command:` of backend missing in the config");
	expect(report).toContain("dispatch retry missing");
});

test("`wait` gives 1 when one of several failed, and a line for each", async () => {
	const waited = await user.run(["wait", "no-done-file", "item-error", "--timeout", WAIT_LIMIT]);
	expect([waited.code, waited.stderr]).toEqual([1, ""]);
	expect(waited.stdout.trimEnd().split("\n")).toEqual([
		"`no-done-file` complete. All 2 items are done. See `dispatch status no-done-file`.",
		expect.stringMatching(/^`item-error` failed \(item_error\)\. /),
	]);
});
