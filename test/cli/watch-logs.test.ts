/** What `l` and `d` show in `dispatch watch`. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { GIT_ENV, makeRepository } from "../git.ts";
import { Screen } from "./tmux.ts";

let user: User;
let screen: Screen | null = null;
beforeEach(() => {
	user = new User({ agent: "ten-line.sh", agents: { told: "does-as-told.sh" }, env: GIT_ENV });
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

test("what was asked and never answered stays in the logs and in the status of a task that was cancelled", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	await user.ok(["cancel", "job"]);
	await user.waitForState("job", "cancelled");
	expect(await user.ok(["logs", "job"])).toMatch(/┃ .*Worker asked: "Which colour\?" Not answered\./);
	expect(await user.ok(["status", "job"])).toMatch(
		/Worker asked \(001\): "Which colour\?"\n {2}Not answered\./,
	);
});

test("d in watch shows the diff of a task with a worktree as `dispatch diff` does, and says of others that they have none", async () => {
	makeRepository(user.project, { "a.txt": "one\n" });
	const told = ["enqueue", "--model", "told"];
	await user.ok([...told, "--worktree", "--id", "own-tree", "«echo two >>a.txt»"]);
	await user.ok([...told, "--worktree", "--id", "no-change", "«true»"]);
	await user.ok([...told, "--id", "in-place", "«true»"]);
	for (const id of ["own-tree", "no-change", "in-place"]) await user.waitForState(id, "completed");
	const printed = (await user.ok(["diff", "own-tree"])).trim().split("\n");
	expect(printed).toContain("+two");
	const words = [process.execPath, PROGRAM, "watch"];
	screen = new Screen(words, { columns: 120, rows: 30, cwd: user.project, env: user.env });
	await screen.waitFor("own-tree");
	screen.keys("s", "s");
	await screen.waitFor("by name");
	screen.keys("Home");
	await screen.waitFor("›in-place");
	screen.keys("d");
	expect(await screen.waitFor("has no worktree")).toContain(
		`in-place has no worktree: it works in ${user.project} itself.`,
	);
	screen.keys("Down");
	await screen.waitFor("›no-change");
	screen.keys("d");
	await screen.waitFor("It has changed nothing.");
	screen.keys("Escape");
	await screen.waitFor("›no-change");
	screen.keys("Down");
	await screen.waitFor("›own-tree");
	screen.keys("d");
	const page = await screen.waitFor("+two");
	expect(page).toContain("diff of own-tree");
	for (const line of printed) expect(page).toContain(line.trimEnd());
});
