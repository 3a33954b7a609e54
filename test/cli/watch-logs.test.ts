/** What `l` shows in `dispatch watch`. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

let user: User;
let screen: Screen | null = null;
beforeEach(() => {
	user = new User({ agent: "ten-line.sh" });
});
afterEach(async () => {
	screen?.close();
	await user.cleanup();
});

test("the logs in watch are those of `dispatch logs`: with what was asked, and what was told", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	await user.ok(["answer", "job", "Blue"]);
	await user.waitForState("job", "completed");
	const printed = (await user.ok(["logs", "job"])).trim().split("\n");
	expect(printed.join("\n")).toMatch(/┃ .*Which colour\?[\s\S]*┃ .*Blue/);
	const words = [process.execPath, PROGRAM, "watch"];
	screen = new Screen(words, { columns: 160, rows: 50, cwd: user.project, env: user.env });
	await screen.waitFor("›job");
	screen.keys("l");
	await screen.waitFor("logs of job");
	for (const line of printed) expect(await screen.waitFor("┃")).toContain(line.trimEnd());
});
