/** What was meant for a shell, and comes to a screen: all at once it is no key, and before a picture is there no answer. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

const DROPPED = "What was typed too early was dropped.";
const SIZE = { columns: 80, rows: 24 };

let user: User;
let screens: Screen[] = [];
beforeEach(async () => {
	user = new User({ agent: "ten-line.sh", agents: { told: "does-as-told.sh" } });
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

function open(words: string[], env: Record<string, string> = {}): Screen {
	const screen = new Screen(words, { ...SIZE, cwd: user.project, env: { ...user.env, ...env } });
	screens.push(screen);
	return screen;
}

const command = (name: string) => [process.execPath, PROGRAM, name];

/** Its list, a page, a confirmation: whoever is there has a list before them, and types. */
const PLACES: readonly [string, string, (screen: Screen) => Promise<unknown>][] = [
	["watch", "its list", (screen) => screen.waitFor("›job")],
	["watch", "a page", (screen) => opened(screen, "i", "status of job")],
	["watch", "a confirmation", (screen) => opened(screen, "c", "Cancel job?")],
	["inbox", "its list", (screen) => opened(screen, "Escape", "›job")],
];

async function opened(screen: Screen, key: string, shows: string): Promise<void> {
	await screen.waitFor(/q quit|Enter send/);
	screen.keys(key);
	await screen.waitFor(shows);
}

/** Words of a shell that are commands of a list: they open, agree and send. */
const WORDS = ["clear; dispatch ls --all\r", "apt install x\r", "\ryes\r", "cy", "yes\r", "q2\r"];

test.each(PLACES)("%s, %s: a burst of words answers, cancels and ends nothing", async (name, _, arrive) => {
	for (const words of WORDS) {
		const screen = open(command(name));
		await arrive(screen);
		screen.type(words);
		await screen.waitFor("Keys work in a moment");
		expect(await screen.waitFor(/q quit|Enter send|Esc back/)).not.toContain("ended with");
		expect((await user.json(["status", "job"])).state, JSON.stringify(words)).toBe("asking");
		screen.keys("C-c");
		await screen.waitFor("ended with");
	}
});

test("watch: what came before a question was drawn is no answer to it", async () => {
	const drawn = join(user.project, "drawn");
	const go = join(user.project, "go");
	const probe = user.write(
		"probe.cjs",
		`const fs = require("node:fs"); const { stdout } = process; const write = stdout.write; let isDone = false;
stdout.write = (...args) => {
	if (!isDone && String(args[0]).includes("job asks (001)")) {
		isDone = true;
		fs.writeFileSync(${JSON.stringify(drawn)}, "");
		while (!fs.existsSync(${JSON.stringify(go)})) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
	}
	return write.apply(stdout, args);
};`,
	);
	const screen = open(command("watch"), { NODE_OPTIONS: `--require ${probe}` });
	await screen.waitFor("›job");
	screen.keys("a");
	await expect.poll(() => existsSync(drawn)).toBe(true);
	screen.type("pt install x\r");
	user.write("go", "");
	await screen.waitFor(DROPPED);
	expect(await screen.waitFor("Enter send")).toMatch(/^ >$/m);
	screen.type("Blue");
	await screen.waitFor("> Blue");
	screen.keys("Enter");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\n");
});

test("inbox: a question that comes up by itself takes nothing that is being typed", async () => {
	await user.ok(["answer", "job", "Blue"]);
	await user.waitForState("job", "completed");
	const screen = open(command("inbox"));
	await screen.waitFor("No open questions.");
	await user.ok(["enqueue", "--id", "next", "x"]);
	await screen.waitFor("next asks (001)");
	await screen.waitFor("Keys work in a moment");
	await screen.waitFor("Enter send");
	screen.type("Red");
	await screen.waitFor("> Red");
	screen.keys("Enter");
	await user.waitForState("next", "completed");
});

test("Ctrl-Z gives the shell its terminal, and fg the picture", async () => {
	const words = ["env", "PS1=ready ", "bash", "--noprofile", "--norc", "-i"];
	const screen = open(words);
	await screen.waitFor("ready");
	screen.type(`${command("watch").join(" ")}\r`);
	await screen.waitFor("›job");
	screen.keys("C-z");
	await screen.waitFor("Stopped");
	expect(screen.mode).toBe("0 1");
	screen.type("fg\r");
	await screen.waitFor("›job");
	await screen.waitFor("q quit");
	expect((await user.json(["status", "job"])).state).toBe("asking");
	screen.keys("q");
	await screen.waitFor(/ready$/);
	screen.type("exit\r");
	await screen.waitFor("ended with");
});

test("a paste is text to its last byte: what a key would send in it ends nothing, and nothing of it is left for the shell", async () => {
	const screen = open(command("watch"));
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("Enter send");
	screen.paste(`begun \u0003\u001a and\n${"touch x\n".repeat(400)}the end`);
	expect(await screen.waitFor("the end")).toContain("Enter send");
	screen.keys("C-c");
	const left = await screen.waitFor("ended with");
	expect(left.slice(left.indexOf("ended with"))).not.toContain("touch");
	expect((await user.json(["status", "job"])).state).toBe("asking");
});

test("watch: what a terminal draws wider than it is said to be writes over no other row", async () => {
	const asks = (text: string) =>
		`«printf '%s' '${text}' >".dispatch/tasks/$DISPATCH_TASK/ipc/001.question"; sleep 1000»`;
	for (const [id, text] of [
		["below", "Below it?"],
		["wide", "क्षत्रिय प्रश्न ทำไม ".repeat(5)],
	] as const) {
		await user.ok(["enqueue", "--id", id, "--model", "told", asks(text)]);
		await user.waitForState(id, "asking");
	}
	const screen = open(command("watch"));
	await screen.waitFor("›");
	for (let down = 0; down < 3; down++) screen.keys("Down");
	for (let up = 0; up < 3; up++) screen.keys("Up");
	await screen.waitFor("›");
	expect(screen.text()).toMatch(/^[ ›]below .*Below it/m);
	expect(screen.text()).toMatch(/^[ ›]wide /m);
	expect(screen.text()).toMatch(/^[ ›]job .*Which colour/m);
});
