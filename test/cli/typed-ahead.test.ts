/** What is typed before a screen is there: it was meant for a shell, and reaches neither an editor nor a list. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

const TOO_EARLY = "What was typed too early was dropped.";

let user: User;
let screens: Screen[] = [];
beforeEach(async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

/** Types on the terminal of a command that begins only then. @param on what comes when the first picture is there */
async function openTyped(command: string, keys: string[], on: string): Promise<Screen> {
	const probe = user.write(
		"probe.cjs",
		`const { stdout, stdin } = process; const write = stdout.write; let isDone = false;
stdout.write = (...args) => { if (!isDone && String(args[0]).includes("Keys work in a moment")) { isDone = true;
	setImmediate(() => stdin.emit("data", Buffer.from(${JSON.stringify(on)}))); } return write.apply(stdout, args); };`,
	);
	const begin = `until [ -e begin ]; do sleep 0.1; done; exec '${process.execPath}' --require '${probe}' '${PROGRAM}' ${command}`;
	const screen = new Screen(["sh", "-c", begin], { columns: 80, rows: 24, cwd: user.project, env: user.env });
	screens.push(screen);
	screen.keys(...keys);
	await screen.waitFor("typed before");
	user.write("begin", "");
	return screen;
}

test("answer: what was typed before the pane opened is no part of the answer, nor is the rest of it", async () => {
	const screen = await openTyped("answer job", ["green", "Enter", "typed before"], "and on\r");
	await screen.waitFor(TOO_EARLY);
	expect(await screen.waitFor("Enter send")).toMatch(/^ >$/m);
	screen.type("Blue");
	screen.keys("Enter");
	await screen.waitFor("ended with 0");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\n");
});

test("inbox: what was typed before it opened answers no question, and does not end it", async () => {
	const screen = await openTyped("inbox", ["green", "Enter", "q", "typed before"], "and on\r");
	await screen.waitFor(TOO_EARLY);
	expect(await screen.waitFor("Enter send")).toMatch(/^ >$/m);
	screen.type("Blue");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to job.");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\n");
});

test("watch: what was typed before it opened is no command of the list, nor is the rest of it", async () => {
	const screen = await openTyped("watch", ["cy", "Enter", "q", "typed before"], "cyq");
	await screen.waitFor(TOO_EARLY);
	await screen.waitFor("q quit");
	expect(await screen.waitFor("›job")).toMatch(/job +asking/);
	expect((await user.json(["status", "job"])).state).toBe("asking");
});
