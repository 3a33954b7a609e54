/** What is typed or arrives on a screen at the wrong moment: after Enter, during an outage, at a signal. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

let user: User;
let screens: Screen[] = [];
beforeEach(() => {
	user = new User({
		agent: "ten-line.sh",
		agents: { busy: "busy.sh" },
		config: "worker: { concurrency: 4 }",
	});
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

const SIZE = { columns: 80, rows: 24 };

function open(args: string[], env: Record<string, string> = {}): Screen {
	const words = [process.execPath, PROGRAM, ...args];
	const screen = new Screen(words, { ...SIZE, cwd: user.project, env: { ...user.env, ...env } });
	screens.push(screen);
	return screen;
}

function pidOf(what: RegExp): number {
	const found = user.processes().find(({ command }) => what.test(command));
	if (found === undefined) throw new Error(`There is no ${what}.`);
	return found.pid;
}

test("watch: what is typed on after Enter is no command; a confirmation is ended by any key but y", async () => {
	await user.ok(["enqueue", "--id", "busy", "--model", "busy", "x"]);
	await user.waitForState("busy", "running");
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const screen = open(["watch"]);
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.type("first line\rcyan, copy the file");
	await screen.waitFor("Answer sent to job.");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: first line\n");
	await screen.waitFor(/job +completed/);
	await screen.waitFor("q quit");
	screen.keys("Home");
	screen.keys("/");
	await screen.waitFor("Enter keep");
	screen.type("busy");
	await screen.waitFor("1 of 2 have “busy”");
	screen.keys("Enter");
	await screen.waitFor("›busy");
	screen.keys("c");
	await screen.waitFor("Cancel busy?");
	screen.keys("o");
	await screen.waitFor("q quit");
	expect(screen.text()).not.toMatch(/Cancel busy\?|report of/);
	screen.keys("c");
	await screen.waitFor("Cancel busy?");
	await user.ok(["cancel", "busy"]);
	await user.ok(["rm", "busy"]);
	await user.ok(["enqueue", "--id", "busy", "--model", "busy", "another one"]);
	await user.waitForState("busy", "running");
	screen.keys("y");
	await screen.waitFor("busy was started again meanwhile: left alone.");
	// Neither Alt-C nor Ctrl-Q is its letter; the F1 behind them shows that they were read.
	screen.keys("M-c", "y", "C-q", "F1");
	await screen.waitFor("start it again (asks first)");
	expect((await user.json(["status", "busy"])).state).toBe("running");
});

test("watch: an answer on its way is not changed while Redis is away; it arrives once, as it was sent", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const screen = open(["watch"]);
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.type("Blue");
	await screen.waitFor("> Blue");
	const redis = pidOf(/redis/);
	process.kill(redis, "SIGSTOP");
	screen.keys("Enter");
	await screen.waitFor("Sending …");
	screen.keys("Escape");
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.type(" or green");
	screen.keys("Escape");
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor(/> Blue$/m);
	await screen.waitFor("Sending …");
	process.kill(redis, "SIGCONT");
	await screen.waitFor("Answer sent to job.");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\n");
});

test("watch: stopped and continued it draws anew; a hangup gives the terminal back and tells what was typed", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const screen = open(["watch"]);
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.type("Blue");
	await screen.waitFor("> Blue");
	const watch = pidOf(/ watch$/);
	process.kill(watch, "SIGSTOP");
	process.kill(watch, "SIGCONT");
	await screen.waitFor("> Blue");
	// No shell could bring it back.
	screen.keys("C-z");
	screen.type(" sky");
	await screen.waitFor("> Blue sky");
	process.kill(watch, "SIGHUP");
	await screen.waitFor("ended with");
	expect(screen.mode).toBe("0 1");
	expect(screen.text()).toContain("Not sent to job (001):\nBlue sky\n");
});

/** Keys that arrive right after the picture with this text was drawn, in a burst of their own. */
function typedBehind(text: string, keys: string): Record<string, string> {
	const probe = user.write(
		"probe.cjs",
		`const { stdout, stdin } = process; const write = stdout.write; let isDone = false;
stdout.write = (...args) => { if (!isDone && String(args[0]).includes(${JSON.stringify(text)})) { isDone = true;
	setImmediate(() => stdin.emit("data", Buffer.from(${JSON.stringify(keys)}))); } return write.apply(stdout, args); };`,
	);
	return { NODE_OPTIONS: `--require ${probe}` };
}

test("watch: what is typed on after an answer and comes when the list is there is no command of it", async () => {
	await user.ok(["enqueue", "--id", "busy", "--model", "busy", "x"]);
	await user.waitForState("busy", "running");
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const screen = open(["watch"], typedBehind("Answer sent to job.", "cy\rq"));
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.type("Blue");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to job.");
	await user.waitForState("job", "completed");
	await screen.waitFor(/job +completed/);
	await screen.waitFor("q quit");
	screen.keys("Up", "Up");
	await screen.waitFor("›busy");
	screen.keys("c");
	await screen.waitFor("Cancel busy?");
	screen.keys("C-c");
	await screen.waitFor("ended with");
});

test("inbox: what is typed on after an answer is none to the next question", async () => {
	for (const id of ["job", "other"]) {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "asking");
	}
	const screen = open(["inbox"], typedBehind("other asks (001)", "yes\r"));
	await screen.waitFor("job asks (001)");
	screen.type("Blue");
	screen.keys("Enter");
	await screen.waitFor("other asks (001)");
	const text = await screen.waitFor("F1 keys");
	expect(text).toMatch(/^ >$/m);
	screen.type("Red");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to other.");
	await user.waitForState("other", "completed");
	expect(await user.ok(["output", "other"])).toBe("The answer: Red\n");
});

test("worker: a terminal that takes nothing holds up no task; what happened is told when it takes lines again", async () => {
	const screen = open(["worker"]);
	await screen.waitFor("worker ready");
	screen.keys("C-s");
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	await user.ok(["answer", "job", "Blue"]);
	await user.waitForState("job", "completed");
	expect(screen.text()).not.toContain("job");
	screen.keys("C-q");
	await screen.waitFor("`job` complete");
	screen.keys("C-c");
	await screen.waitFor("ended with 0");
});
