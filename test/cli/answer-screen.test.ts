/** `dispatch answer ID` without a text on a real terminal, and what becomes of a text that the user's editor has. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answerCommand } from "../../src/cli/show/question-lines.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { Screen } from "./tmux.ts";

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

const SIZE = { columns: 80, rows: 24 };

function open(args: string[], env: Record<string, string> = {}): Screen {
	const words = ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
	const screen = new Screen([...words, process.execPath, PROGRAM, ...args], {
		...SIZE,
		cwd: user.project,
		env: user.env,
	});
	screens.push(screen);
	return screen;
}

test("answer: a paste of several lines is one answer; nothing of it is left for the shell", async () => {
	const screen = open(["answer", "job"]);
	await screen.waitFor("job asks (001)");
	screen.keys("F1");
	await screen.waitFor("While you answer");
	screen.keys("q");
	await screen.waitFor("Which colour?");
	screen.paste("Blue\nor green\nnot red");
	await screen.waitFor("not red");
	screen.keys("Enter");
	await screen.waitFor(/Answer sent\. Worker is continuing\. \(Question 001: .*\)\nended with 0/);
	expect(screen.mode).toBe("0 1");
	expect(screen.text()).not.toContain("or green");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\nor green\nnot red\n");
});

test("answer: what was typed and not sent stays to be read, for who gave up and for who was not the first", async () => {
	for (const key of ["Escape", "C-c"]) {
		const screen = open(["answer", "job", "--seq", "1"]);
		await screen.waitFor("job asks (001)");
		screen.paste("Blue\nor green");
		await screen.waitFor("or green");
		screen.keys(key);
		await screen.waitFor("ended with 130");
		expect(screen.text()).toContain("Not sent to job (001):\nBlue\nor green\n");
	}
	const screen = open(["answer", "job", "…"]);
	await screen.waitFor("job asks (001)");
	screen.type("Blue");
	await screen.waitFor("> Blue");
	await user.ok(["answer", "job", "Red"]);
	screen.keys("Enter");
	await screen.waitFor("ended with 8");
	expect(screen.text()).toMatch(
		/^Not sent to job \(001\):\nBlue\ndispatch: Question 001 of `job` was answered by/,
	);
});

test("answer on a terminal that draws nothing takes all lines up to Ctrl-D", async () => {
	const screen = open(["answer", "job"], { TERM: "dumb" });
	await screen.waitFor("Ctrl-D on an empty line sends it.");
	screen.type("Blue\ror green\r");
	screen.keys("C-d");
	await screen.waitFor("ended with 0");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\nor green\n");
});

/** Another task of the same name, that asks the same words. */
async function anotherJob(): Promise<void> {
	await user.ok(["cancel", "job"]);
	await user.waitForState("job", "cancelled");
	await user.ok(["rm", "job"]);
	await user.ok(["enqueue", "--id", "job", "y"]);
	await user.waitForState("job", "asking");
}

test("an answer that was begun goes to no other task of that name which asks the same words", async () => {
	const lines = open(["answer", "job"], { TERM: "dumb" });
	const inbox = open(["inbox"], { TERM: "dumb" });
	const screen = open(["answer", "job"]);
	for (const each of [lines, inbox, screen]) await each.waitFor("Which colour?");
	screen.type("Blue");
	await anotherJob();
	await screen.waitFor("job asks something else by now.");
	screen.keys("Enter");
	inbox.type("Blue\r");
	lines.type("Blue\r");
	lines.keys("C-d");
	const said = "Question 001 of `job` was asked anew since: your answer was not sent.";
	for (const each of [lines, inbox, screen]) await each.waitFor(said);
	expect(screen.text()).toContain("Not sent to job (001):\nBlue\n");
	expect(await user.json(["status", "job"])).toMatchObject({ state: "asking" });
});

test("an answer says which question it went to; a command for a later one names it", async () => {
	expect(await user.ok(["answer", "job", "Blue"])).toMatch(
		/^Answer sent\. .* \(Question 001: "Which colour\?"\)\n$/,
	);
	expect(answerCommand("job", "001", true)).toBe('dispatch answer job "…"');
	expect(answerCommand("job", "002", true)).toBe('dispatch answer job --seq 2 "…"');
});

test("inbox: the mark of its list stays on the question that is marked, whatever goes above it", async () => {
	await user.ok(["enqueue", "--id", "other", "y"]);
	await user.waitForState("other", "asking");
	const screen = open(["inbox"]);
	await screen.waitFor("job asks (001)");
	screen.keys("Escape");
	await screen.waitFor("›job");
	screen.keys("Down");
	await screen.waitFor("›other");
	await user.ok(["enqueue", "--id", "third", "y"]);
	await user.waitForState("third", "asking");
	await user.ok(["answer", "job", "Blue"]);
	await screen.waitFor(/›other[\s\S]*third/);
	await screen.waitFor(/^(?![\s\S]*job: )[\s\S]*›other/);
	screen.keys("Enter");
	await screen.waitFor("other asks (001)");
	screen.keys("Escape");
	await screen.waitFor("›other");
	await user.ok(["answer", "other", "Blue"]);
	// It was not chosen: an Enter that was meant for the other one opens nothing.
	await screen.waitFor(/›third[\s\S]*Keys work in a moment/);
	await screen.waitFor(/›third[\s\S]*Enter answer/);
});

describe("while the user's editor has the text", () => {
	const left = () => readdirSync(folder).filter((name) => name.startsWith("dispatch-answer-"));
	let folder = "";
	beforeEach(() => {
		folder = join(temporaryFolder("drafts"), "(drafts)");
		mkdirSync(folder);
	});

	/** An editor that adds a line, and then does what the script says. */
	function editor(script: string): Record<string, string> {
		const path = user.write("editor.sh", `#!/bin/sh\nsed -i '1s/^/Green\\n/' "$1"\n${script}\n`, 0o755);
		return { EDITOR: path, TMPDIR: folder };
	}

	test("what an editor that was killed had saved is kept: in watch, in inbox, and in answer", async () => {
		for (const command of ["watch", "inbox", "answer job"]) {
			const screen = open(command.split(" "), editor("kill -9 $$"));
			await screen.waitFor(/job/);
			if (command === "watch") screen.keys("a");
			await screen.waitFor("job asks (001)");
			screen.type("by hand");
			screen.keys("C-e");
			await screen.waitFor(/What it had\s+saved is here\./);
			expect(screen.text()).toMatch(/> Green\n {3}by hand/);
			expect(left()).toEqual([]);
			screen.keys("C-c");
			await screen.waitFor(/Not sent to job \(001\):\nGreen\nby hand\n/);
		}
	});

	test("an editor that emptied its file and then died takes nothing away that was typed", async () => {
		const screen = open(["inbox"], editor(': >"$1"; kill -9 $$'));
		await screen.waitFor("job asks (001)");
		screen.type("by hand");
		screen.keys("C-e");
		await screen.waitFor(/What it had\s+saved is here\./);
		expect(screen.text()).toContain("> by hand");
		expect(left()).toEqual([]);
	});

	test("the file that the editor gets sets none of its options, whatever the question says", async () => {
		const asked = join(user.project, ".dispatch/tasks/job/ipc/001.question");
		writeFileSync(`${asked}.tmp`, "Which?\nvim: set ts=77:\n");
		renameSync(`${asked}.tmp`, asked);
		const seen = join(folder, "seen");
		await expect.poll(() => user.ok(["questions"])).toContain("ts=77");
		const screen = open(["answer", "job"], editor(`cp "$1" '${seen}.tmp'; mv '${seen}.tmp' '${seen}'`));
		await screen.waitFor("job asks (001)");
		screen.keys("C-e");
		await expect.poll(() => existsSync(seen)).toBe(true);
		const text = readFileSync(seen, "utf8");
		expect(text).toContain("set ts=77");
		expect(text).not.toMatch(/vim:/);
	});

	test("at SIGTERM and SIGHUP dispatch says what was saved, and leaves the file", async () => {
		const opened = join(folder, "opened");
		for (const signal of ["SIGTERM", "SIGHUP"] as const) {
			const screen = open(["inbox"], editor(`: >'${opened}'; exec sleep 600`));
			await screen.waitFor("job asks (001)");
			screen.type("by hand");
			screen.keys("C-e");
			await expect.poll(() => existsSync(opened)).toBe(true);
			const inbox = user.processes().find(({ command }) => command.endsWith(" inbox"));
			process.kill(inbox?.pid ?? 0, signal);
			await screen.waitFor("ended with 130");
			expect(screen.text()).toMatch(
				/Not sent to job \(001; your editor's file: \S+\s*\S*\):\nGreen\nby hand\n/,
			);
			for (const draft of left()) {
				expect(readFileSync(join(folder, draft, "answer.md"), "utf8")).toMatch(/^Green\nby hand\n/);
				rmSync(join(folder, draft), { recursive: true });
			}
			rmSync(opened);
		}
	});

	test("a FIFO or far too much in place of the file hangs nothing: what was typed before stays", async () => {
		const scripts: [string, RegExp][] = [
			['rm "$1"; mkfifo "$1"', /answer\.md\s+stays\s+as\s+it\s+is:\s+it\s+is\s+a\s+FIFO/],
			['truncate -s 200M "$1"', /answer\.md\s+stays\s+as\s+it\s+is:\s+it\s+is\s+larger\s+than\s+16\s+MiB/],
		];
		for (const [script, said] of scripts) {
			const screen = open(["answer", "job"], editor(script));
			await screen.waitFor("job asks (001)");
			screen.type("by hand");
			screen.keys("C-e");
			await screen.waitFor(said);
			expect(screen.text()).toContain("> by hand");
			screen.keys("C-c");
			await screen.waitFor("ended with 130");
		}
		const { VISUAL: _, ...env } = user.env;
		const config = await user.run(["config", "edit"], { env: { ...env, ...editor('rm "$1"; mkfifo "$1"') } });
		expect(config).toMatchObject({ code: 2 });
		expect(config.stderr).toMatch(/cannot be read: it is a FIFO/);
	});

	test("a text that is too long for the screen is kept whole in its file, and sent from there", async () => {
		const long = `head -c 150000 /dev/zero | tr '\\0' x >"$1.x"; cat "$1" >>"$1.x"; mv "$1.x" "$1"`;
		const screen = open(["watch"], editor(long));
		await screen.waitFor("›job");
		screen.keys("a");
		await screen.waitFor("job asks (001)");
		screen.type("by hand");
		screen.keys("C-e");
		await screen.waitFor("150013 characters are more than the 100000 that fit here.");
		await screen.waitFor("> by hand");
		const command = screen.text().replace(/\n\s*/g, " ");
		expect(command).toContain("dispatch answer job --seq 1 - <'");
		const file = join(folder, left()[0] ?? "", "answer.md");
		await user.ok(["answer", "job", "-"], { input: readFileSync(file, "utf8") });
		await user.waitForState("job", "completed");
		expect(await user.ok(["output", "job"])).toBe(`The answer: ${"x".repeat(150_000)}Green\nby hand\n`);
	});
});
