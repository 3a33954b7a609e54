/** What is printed through another program to the terminal that shows how far the work is. */
import { expect, onTestFinished, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

test("what `wait | cat` prints begins a row of its own, whatever line was drawn before", async () => {
	const user = new User({ agent: "asks-two-at-once.sh" });
	onTestFinished(() => user.cleanup());
	await user.ok(["enqueue", "--id", "review-login", "x"]);
	const line = `'${process.execPath}' '${PROGRAM}' wait review-login | cat`;
	const screen = new Screen(["sh", "-c", line], { columns: 100, rows: 30, cwd: user.project, env: user.env });
	onTestFinished(() => screen.close());
	await screen.waitFor("Answer with: dispatch answer review-login --seq 2");
	const asked = screen
		.text()
		.split("\n")
		.filter((row) => row.includes("Worker is asking:"));
	expect(asked).toHaveLength(2);
	for (const row of asked) expect(row).toMatch(/^Worker is asking:/);
	expect(screen.text()).not.toContain("review-login: asking");
});
