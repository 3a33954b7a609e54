/** Answering on a real terminal: long questions, pastes, drafts, the keys of the list, and what Node says meanwhile. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

let user: User;
let screens: Screen[] = [];
beforeEach(() => {
	user = new User({
		agent: "ten-line.sh",
		agents: { long: "asks-long.sh", broken: "item-error.sh", quick: "writes-report.sh" },
		config: "worker: { concurrency: 4 }",
	});
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

const SMALL = { columns: 40, rows: 10 };
const NARROW = { columns: 80, rows: 24 };
const WIDE = { columns: 160, rows: 50 };

function open(
	args: string[],
	size: { columns: number; rows: number },
	env: Record<string, string> = {},
): Screen {
	const words = [process.execPath, PROGRAM, ...args];
	const screen = new Screen(words, { ...size, cwd: user.project, env: { ...user.env, ...env } });
	screens.push(screen);
	return screen;
}

function steady(screen: Screen): string {
	const text = screen.text().replaceAll(user.project, "/home/ann/shop");
	return `${text.replace(/\d\d:\d\d:\d\d/g, "12:00:00")}\n`;
}

/** Each page of it is seen before the next one is asked for. */
async function readToItsEnd(screen: Screen): Promise<void> {
	for (let next = 1; next <= 80; ) {
		const text = await screen.waitFor(new RegExp(`^ Line ${next} of the question$`, "m"));
		const lines = [...text.matchAll(/^ Line (\d+) of the question$/gm)].map(([, n]) => Number(n));
		expect(lines).toEqual(lines.map((_, n) => (lines[0] ?? 0) + n));
		next = (lines.at(-1) ?? 0) + 1;
		screen.keys("NPage");
	}
}

test("watch: a question of 80 lines is read to its end, before and after a resize; what is pasted and begun stays", async () => {
	await user.ok(["enqueue", "--id", "other", "x"]);
	await user.waitForState("other", "asking");
	await user.ok(["enqueue", "--id", "long", "--model", "long", "x"]);
	await user.waitForState("long", "asking");
	const screen = open(["watch"], SMALL);
	await screen.waitFor("? other: Which colour?");
	screen.keys("/");
	await screen.waitFor("Enter keep");
	screen.type("long");
	await screen.waitFor("1 of 2 have “long”");
	screen.keys("Enter", "a");
	await screen.waitFor(/lines below: PgUp PgDn/);
	await expect(steady(screen)).toMatchFileSnapshot("screens/live-answer-40x10.txt");
	await readToItsEnd(screen);
	screen.paste("First line\nsecond, 漢字\nthird");
	await screen.waitFor(/ +third/);
	screen.resize(NARROW.columns, NARROW.rows);
	await screen.waitFor("> First line");
	await expect(steady(screen)).toMatchFileSnapshot("screens/live-answer-80x24.txt");
	screen.resize(WIDE.columns, WIDE.rows);
	await screen.waitFor("F1 keys");
	await screen.waitFor(/Line 45 of/);
	await expect(steady(screen)).toMatchFileSnapshot("screens/live-answer-160x50.txt");
	screen.keys("Escape");
	await screen.waitFor("What you typed is kept.");
	screen.keys("Escape");
	await screen.waitFor(/other +asking/);
	screen.keys("Home");
	await screen.waitFor("›long");
	screen.keys("Down");
	await screen.waitFor("›other");
	screen.keys("a");
	await screen.waitFor("other asks (001)");
	screen.keys("C-n");
	await screen.waitFor("long asks (001)");
	await screen.waitFor("second, 漢字");
	screen.type("!");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to long.");
	await user.waitForState("long", "completed");
	expect(await user.ok(["output", "long"])).toBe("First line\nsecond, 漢字\nthird!\n");
});

test("watch: status, report, keys, order and retry from the list; the filter names what it hides", async () => {
	await user.ok(["enqueue", "--id", "broken", "--model", "broken", "x"]);
	await user.waitForState("broken", "failed");
	await user.ok(["enqueue", "--id", "quick", "--model", "quick", "x"]);
	await user.waitForState("quick", "completed");
	const screen = open(["watch"], NARROW);
	await screen.waitFor("›quick");
	screen.keys("?");
	await screen.waitFor("start it again (asks first)");
	screen.keys("q");
	await screen.waitFor("ended with 0");
	const again = open(["watch"], NARROW);
	await again.waitFor("›quick");
	again.keys("o");
	await again.waitFor("report of quick");
	await again.waitFor((await user.ok(["output", "quick"])).trim().split("\n")[0] ?? "?");
	again.keys("Escape");
	await again.waitFor("›quick");
	again.keys("Enter");
	await again.waitFor("Read the report: dispatch output quick");
	again.keys("Escape");
	await again.waitFor("›quick");
	again.keys("s", "s");
	await again.waitFor("by name");
	again.keys("Up");
	await again.waitFor("›broken");
	again.keys("c");
	await again.waitFor("broken is failed: nothing to cancel.");
	again.keys("r");
	await again.waitFor("Start broken again where it stopped?");
	again.keys("n");
	await again.waitFor(/q quit/);
	expect((await user.json(["status", "broken"])).attempt).toBe(1);
	again.keys("r");
	await again.waitFor("Start broken again where it stopped?");
	again.keys("y");
	await again.waitFor("`broken` starts again where it stopped");
	await expect.poll(async () => (await user.json(["status", "broken"])).epoch).toBe(2);
	again.keys("C-c");
	await again.waitFor("ended with");
	expect(again.mode).toBe("0 1");
});

test("watch: what Node and dispatch say meanwhile is told when the screen has ended, not on it", async () => {
	const probe = user.write(
		"probe.cjs",
		`const { stdout } = process; const write = stdout.write;
stdout.write = (...args) => { if (String(args[0]).includes("?1049h")) setTimeout(() => {
	process.emitWarning("a listener too many"); process.stderr.write("a remark\\n"); }, 100); return write.apply(stdout, args); };`,
	);
	const screen = open(["watch"], NARROW, {
		NODE_OPTIONS: `--require ${probe}`,
		NODE_REDIRECT_WARNINGS: "",
	});
	await screen.waitFor("No tasks yet.");
	await user.ok(["enqueue", "--id", "job", "x"]);
	await screen.waitFor("? job: Which colour?");
	expect(screen.text()).not.toMatch(/listener too many|a remark/);
	screen.keys("q");
	await screen.waitFor("Warning: a listener too many");
	await screen.waitFor("a remark");
	await screen.waitFor("ended with 0");
});

test("watch on a dumb terminal prints a line per change", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	const words = ["env", "TERM=dumb", process.execPath, PROGRAM, "watch"];
	const screen = new Screen(words, { ...NARROW, cwd: user.project, env: user.env });
	screens.push(screen);
	await screen.waitFor(/ job asks \(001\): Which colour\?/);
	expect(screen.mode).toBe("0 1");
	screen.keys("C-c");
	await screen.waitFor("ended with");
});

test("inbox: a question of 80 lines is read to its end; words like commands can be the answer; drafts stay", async () => {
	await user.ok(["enqueue", "--id", "long", "--model", "long", "x"]);
	await user.waitForState("long", "asking");
	await user.ok(["enqueue", "--id", "other", "x"]);
	await user.waitForState("other", "asking");
	const screen = open(["inbox"], NARROW);
	await screen.waitFor("long asks (001)");
	await readToItsEnd(screen);
	screen.paste("one\ntwo\nthree");
	await screen.waitFor("> one");
	screen.keys("C-n");
	await screen.waitFor("other asks (001)");
	screen.type("skip");
	screen.keys("Enter");
	await screen.waitFor("Enter again sends “skip” as the answer.");
	screen.keys("Escape");
	await screen.waitFor("›other: Which colour?");
	screen.keys("Enter");
	await screen.waitFor("> skip");
	screen.keys("Enter");
	await screen.waitFor("Enter again sends “skip” as the answer.");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to other.");
	await screen.waitFor("> one");
	await screen.waitFor("F1 keys");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to long.");
	await screen.waitFor("No open questions.");
	await screen.waitFor("q quit");
	await user.waitForState("long", "completed");
	await user.waitForState("other", "completed");
	expect(await user.ok(["output", "long"])).toBe("one\ntwo\nthree\n");
	expect(await user.ok(["output", "other"])).toBe("The answer: skip\n");
	screen.keys("q");
	await screen.waitFor("ended with 0");
	expect(screen.text()).toContain("Answer sent to other.\nAnswer sent to long.");
});

test("inbox on a dumb terminal asks line by line; /skip and /quit are commands, //skip is an answer", async () => {
	await user.ok(["enqueue", "--id", "first", "x"]);
	await user.waitForState("first", "asking");
	await user.ok(["enqueue", "--id", "second", "x"]);
	await user.waitForState("second", "asking");
	const words = ["env", "TERM=dumb", process.execPath, PROGRAM, "inbox"];
	const screen = new Screen(words, { ...NARROW, cwd: user.project, env: user.env });
	screens.push(screen);
	await screen.waitFor("first asks (001):");
	// Joined, as they are looked at here: what the terminal itself breaks has no end of a line.
	expect(screen.text()).toContain('"//…" sends an\nanswer that begins with "/".');
	screen.type("/skip");
	screen.keys("Enter");
	await screen.waitFor("second asks (001):");
	screen.type("//skip");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to second.");
	await user.waitForState("second", "completed");
	expect(await user.ok(["output", "second"])).toBe("The answer: /skip\n");
	expect((await user.json(["status", "first"])).state).toBe("asking");
	screen.keys("C-c");
	await screen.waitFor("ended with 130");
});

test("watch: who is answered by somebody else is told, and what was typed is not lost at the end", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const screen = open(["watch"], NARROW);
	await screen.waitFor("›job");
	screen.keys("a");
	await screen.waitFor("job asks (001)");
	screen.paste("Blue\nor green");
	await screen.waitFor("> Blue");
	screen.keys("C-n");
	await screen.waitFor("There is no other open question.");
	await user.ok(["answer", "job", "Red"]);
	await screen.waitFor("Somebody else answered job meanwhile.");
	screen.keys("Enter");
	await screen.waitFor("Nothing was sent. Somebody else answered job meanwhile.");
	screen.keys("C-c");
	await screen.waitFor("ended with");
	expect(screen.text()).toContain("Not sent to job (001):\nBlue\nor green\n");
});

test("inbox: who types is left at a question that is gone or has another text by now; nothing goes to another one", async () => {
	for (const id of ["job", "other"]) {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "asking");
	}
	const asked = join(user.project, ".dispatch/tasks/job/ipc/001.question");
	const screen = open(["inbox"], NARROW);
	await screen.waitFor("job asks (001)");
	screen.type("yes");
	await screen.waitFor("> yes");
	writeFileSync(`${asked}.tmp`, "May I drop the table?\n");
	renameSync(`${asked}.tmp`, asked);
	await screen.waitFor("job asks something else by now. Esc: back");
	screen.type(", do");
	screen.keys("Enter");
	await screen.waitFor("Nothing was sent. job asks something else by now.");
	await screen.waitFor("> yes, do");
	screen.keys("Escape");
	await screen.waitFor("›job: May I drop the table?");
	screen.keys("Enter");
	await screen.waitFor(/^ >$/m);
	const text = await screen.waitFor("May I drop the table?");
	screen.type("no");
	await screen.waitFor("> no");
	await user.ok(["answer", "job", "Never"]);
	await screen.waitFor("Somebody else answered job meanwhile.");
	screen.keys("Enter");
	await screen.waitFor("Nothing was sent.");
	screen.keys("C-n");
	await screen.waitFor("other asks (001)");
	expect(text).toContain("job asks (001)");
	expect((await user.json(["status", "other"])).state).toBe("asking");
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Never\n");
	screen.keys("C-c");
	await screen.waitFor("ended with 130");
	expect(screen.text()).toContain("Not sent to job (001):\nyes, do\nNot sent to job (001):\nno\n");
});

test("answer on a terminal: another text that came while it was typed takes no answer", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const asked = join(user.project, ".dispatch/tasks/job/ipc/001.question");
	const screen = open(["answer", "job"], NARROW);
	await screen.waitFor("job asks (001)");
	writeFileSync(`${asked}.tmp`, "May I drop the table?\n");
	renameSync(`${asked}.tmp`, asked);
	await expect.poll(() => user.ok(["questions"])).toContain("May I drop the table?");
	screen.type("yes");
	screen.keys("Enter");
	await screen.waitFor("has another text by now: your answer was not sent.");
	await screen.waitFor("ended with 8");
	expect((await user.json(["status", "job"])).state).toBe("asking");
	await user.ok(["answer", "job", "no"]);
});
