/** After a new beginning every command shows the question of now, and the answer goes to it. */
import { afterEach, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";
import { webPages } from "./web-pages.ts";

let user: User;
afterEach(() => user?.cleanup());

const ASKS = `#!/bin/sh
echo >>starts
d=".dispatch/tasks/$DISPATCH_TASK"; cd "$d" || exit 1
if [ "$(wc -l <../../../starts)" = 1 ]; then
	printf -- '- [ ] a\\n' >plan.md; echo 'OLD port?' >ipc/001.question
else
	printf -- '- [ ] a\\n' >plan.md; printf 'NEW port?\\n\\nOptions:\\n1. 8080\\n2. 9090\\n' >ipc/001.question
fi
until [ -e ipc/001.answer ]; do sleep 0.1; done
cp ipc/001.answer output.md; : >ipc/001.done; printf -- '- [x] a\\n' >plan.md; : >ipc/.done
`;

test("status, wait, questions, ls, watch, inbox, MCP and the web page show the new one; a number in watch is its option", async () => {
	user = new User();
	const agent = user.write("../asks.sh", ASKS, 0o755);
	await user.ok(["config", "add-backend", "asker", "--command", agent, "--type", "command"]);
	await user.ok(["enqueue", "--id", "t", "--model", "asker", "Do it"]);
	await user.waitForState("t", "asking");
	expect(await user.ok(["status", "t"])).toContain("OLD port?");
	await user.ok(["cancel", "t"]);
	await user.waitForState("t", "cancelled");
	await user.ok(["retry", "t", "--fresh"]);
	await user.waitForState("t", "asking");
	const { questions } = await user.json<{ questions: { text: string; open: boolean }[] }>(["status", "t"]);
	expect(questions.filter(({ open }) => open).map(({ text }) => text.split("\n")[0])).toEqual(["NEW port?"]);
	const host = await hostAgentOf(user);
	const tool = async (name: string, args: object) =>
		JSON.stringify((await host.callTool({ name, arguments: { ...args } })).structuredContent);
	const shown = {
		status: await user.ok(["status", "t"]),
		overview: await user.ok(["status"]),
		wait: await user.ok(["wait", "t", "--for", "question"], { code: 3 }),
		questions: await user.ok(["questions"]),
		inbox: await user.ok(["inbox"]),
		"mcp questions": await tool("questions", {}),
		"mcp wait": JSON.stringify(JSON.parse(await tool("wait", { timeoutSeconds: 0, ids: ["t"] })).event),
		web: (await webPages(user, ["/"])).join(),
	};
	await host.close();
	for (const [command, text] of Object.entries(shown)) {
		expect(text, command).toContain("NEW port?");
		expect(text, command).not.toContain("OLD port?");
	}
	const words = [process.execPath, PROGRAM, "watch"];
	const screen = new Screen(words, { columns: 100, rows: 30, cwd: user.project, env: user.env });
	try {
		await screen.waitFor("NEW port?");
		expect(screen.text()).not.toContain("OLD port?");
		screen.keys("a");
		await screen.waitFor("Enter send");
		screen.type("2");
		screen.keys("Enter");
		await screen.waitFor(/9090/);
	} finally {
		screen.close();
	}
	await user.waitForState("t", "completed");
	expect(await user.ok(["output", "t"])).toBe("9090\n");
});
