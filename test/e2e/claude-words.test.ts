/** What a CLI that speaks claude's JSON tells, and what becomes of it in limits, logs, usage and reports. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

/** Each name is a model, with a script as its CLI. */
function userOf(scripts: Record<string, string>, ...more: string[]): void {
	user = new User();
	const backends: string[] = [];
	for (const [name, body] of Object.entries(scripts)) {
		const file = user.write(`../${name}.sh`, `#!/bin/sh\n${body}\n`, 0o755);
		backends.push(`  ${name}: { type: claude, command: "${file}" }`);
	}
	const models = Object.keys(scripts).map((name) => `  ${name}: { backend: ${name} }`);
	const config = ["default: first", "backends:", ...backends, "models:", ...models, ...more];
	writeFileSync(join(user.home, "config.yaml"), `${config.join("\n")}\n`);
}

const say = (...events: object[]) => events.map((event) => `echo '${JSON.stringify(event)}'`).join("\n");
const INIT = { type: "system", subtype: "init", session_id: "s-1" };
const RESULT = { type: "result", subtype: "success", is_error: false, result: "Done." };
const tool = (name: string, input: object, id = "t1") => ({
	type: "assistant",
	message: { id: `m-${id}`, content: [{ type: "tool_use", id, name, input }] },
});
const COMPLETES =
	'd=".dispatch/tasks/$DISPATCH_TASK"; printf -- \'- [x] done\\n\' >"$d/plan.md"; : >"$d/ipc/.done"';
const WAITS = "while [ ! -e go ]; do sleep 0.2; done";

test("an agent that sleeps until its own wake-up is not stuck; one that sleeps without is", async () => {
	const wakeUp = tool("ScheduleWakeup", { delaySeconds: 3_000, reason: "the build" });
	userOf(
		{
			first: [say(INIT, wakeUp), WAITS, COMPLETES, say(RESULT)].join("\n"),
			silent: [say(INIT, tool("Bash", { command: "hangs" })), "exec sleep 100000"].join("\n"),
		},
		"limits: { inactivity: 3s }",
	);
	await user.ok(["enqueue", "--id", "sleeps", "Do it"]);
	await expect.poll(() => user.ok(["status", "sleeps"])).toMatch(/Doing: +.*its own wake-up: the build/);
	// Submitted later, and ended: the first one has been silent for longer.
	await user.ok(["enqueue", "--id", "hangs", "--model", "silent", "Do it"]);
	expect((await user.taskInState("hangs", "failed")).reason).toBe("stuck");
	expect((await user.json(["status", "sleeps"])).state).toBe("running");
	user.write("go", "");
	await user.waitForState("sleeps", "completed");
});

test("a background command that never ends keeps no task running: it is stuck, and says why", async () => {
	const tasks = [{ task_id: "b", task_type: "local_bash", description: "npm run dev" }];
	const waits = { type: "system", subtype: "background_tasks_changed", tasks };
	const ticked = COMPLETES.replace(/; :.*/, "");
	userOf(
		{ first: [say(INIT, waits), ticked, say(RESULT), "exec sleep 100000"].join("\n") },
		"limits: { inactivity: 3s }",
	);
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	expect(await user.taskInState("t", "failed")).toMatchObject({
		reason: "stuck",
		outcome: { message: expect.stringContaining("waited for a background command: npm run dev") },
	});
});

test("what was spent in every turn is in status, though the agent is killed before its last line", async () => {
	const turn = (n: number) => ({
		type: "assistant",
		message: {
			id: `m-${n}`,
			content: [{ type: "text", text: `turn ${n}` }],
			usage: { input_tokens: 100, output_tokens: 10 },
		},
	});
	userOf({ first: `${say(INIT, turn(1), turn(1), turn(2), turn(3), turn(4))}\nkill -9 $$` });
	await user.ok(["enqueue", "--id", "t", "--attempts", "1", "Do it"]);
	expect((await user.taskInState("t", "failed")).reason).toBe("crashed");
	expect(await user.json(["status", "t"])).toMatchObject({ usage: { inputTokens: 400, outputTokens: 40 } });
	expect(await user.ok(["status", "t"])).toMatch(/Usage: +400 tokens in, 40 out/);
});

test("a tool that was refused and is told by the result alone stands in the log; an attachment does not", async () => {
	const denial = { tool_name: "Bash", tool_use_id: "t1", tool_input: { command: "rm -rf build" } };
	const attachment = { type: "attachment", attachment: { type: "todo_reminder", content: "SECRET-NOTE" } };
	const result = { ...RESULT, permission_denials: [denial] };
	userOf({
		first: [say(INIT, attachment, tool("Bash", denial.tool_input)), COMPLETES, say(result)].join("\n"),
	});
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "completed");
	const log = await user.ok(["logs", "t"]);
	expect(log.match(/not permitted, so not run: Bash: rm -rf build/g)).toHaveLength(1);
	expect(log).not.toMatch(/attachment|SECRET-NOTE|\{/);
});
