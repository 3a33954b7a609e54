/** `ls` and its kin as a user has them: real tasks, a real terminal, and nothing of either in a pipe. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

const WORDS = "Review the login code and every module that it uses for mistakes of any kind whatever";

let user: User;
let screens: Screen[] = [];
beforeEach(() => {
	user = new User({ agent: "ten-line.sh", agents: { broken: "item-error.sh" } });
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

function open(args: string[], columns: number): Screen {
	const words = [process.execPath, PROGRAM, ...args];
	const screen = new Screen(words, { columns, rows: 24, cwd: user.project, env: user.env });
	screens.push(screen);
	return screen;
}

test("ls tells what each task is about: in a pipe in full, on a terminal as wide as that", async () => {
	await user.ok(["enqueue", "--id", "broken", "--model", "broken", "Break it"]);
	await user.waitForState("broken", "failed");
	const { id } = await user.json(["enqueue", "--delay", "2h", "ログイン処理を見直す"]);
	await user.ok(["enqueue", "--id", "later", "--delay", "2h", WORDS]);
	const piped = (await user.ok(["ls"])).split("\n");
	expect(piped[0]).toMatch(/^TASK +STATE +PLAN +MODEL +AGE +WHY +WHAT$/);
	expect(piped[1]).toContain(WORDS);
	expect(piped[2]).toMatch(new RegExp(`^${id} .*ログイン処理を見直す$`));
	expect(piped[3]).toMatch(/The agent gave up at .*\.$/);
	const shown = await open(["ls"], 60).waitFor("ended with 0");
	for (const line of shown.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
	expect(shown).toMatch(/^later .*Review the login.*…$/m);
});

test("ls shows the columns that were asked for", async () => {
	await user.ok(["enqueue", "--id", "later", "--delay", "2h", "--tag", "team=web", "Fix it"]);
	expect(await user.ok(["ls", "--columns", "tags,task,what"])).toBe(
		"TAGS      TASK   WHAT\nteam=web  later  Fix it\n",
	);
	expect(await user.ok(["ls", "--state", "failed, queued", "--columns", "task"])).toBe("TASK\nlater\n");
	const wrong = await user.run(["ls", "--columns", "task,colour"]);
	expect(wrong.code).toBe(2);
	expect(wrong.stderr).toMatch(/--columns .*"colour".*task,state,plan.*DISPATCH_USAGE/);
});
