/** A question is seen wherever somebody looks, with what answers it; then the answer, with who gave it and when. */
import type { ChildProcess } from "node:child_process";
import { afterEach, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const SAID = /Answered by \S+@\S+ at \d\d:\d\d:\d\d: /;

function heard(command: ChildProcess): () => string {
	let said = "";
	command.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	return () => said;
}

test("who comes back to an answer and to what the agent makes of it sees them in that order", async () => {
	user = new User({ agent: "prints-on.sh" });
	await user.ok(["enqueue", "--id", "job", "Work"]);
	const following = user.start(["logs", "-f", "job"]);
	const view = heard(following);
	await expect.poll(view).toContain('Answer with: dispatch answer job "…"');
	// It comes back to both at once: the answer, and what the agent has made of it.
	following.kill("SIGSTOP");
	await user.ok(["answer", "job", "Blue"]);
	await expect.poll(() => user.ok(["logs", "job"])).toContain("got: Blue 1");
	following.kill("SIGCONT");
	await expect.poll(() => following.exitCode).toBe(0);
	const lines = view().split("\n");
	const answered = lines.findIndex((line) => SAID.test(line));
	expect(answered).toBeGreaterThan(lines.findIndex((line) => line.includes("Which colour?")));
	expect(answered).toBeLessThan(lines.indexOf("got: Blue 1"));
});

test("two open questions: every view shows options and a command that answers the right one, then who said what", async () => {
	user = new User({ agent: "asks-two-at-once.sh" });
	const waiting = user.start(["enqueue", "--id", "job", "--wait", "Work"]);
	const told = heard(waiting);
	await expect.poll(told).toContain("Which port?");
	const later = user.start(["wait", "job"]);
	const following = user.start(["logs", "-f", "job"]);
	const views = { "enqueue --wait": told, wait: heard(later), "logs -f": heard(following) };
	const first = 'dispatch answer job --seq 1 "…"';
	const second = 'dispatch answer job --seq 2 "…"';
	for (const [name, view] of Object.entries(views)) {
		await expect.poll(view, { message: name }).toContain(`"Which port?" Answer with: ${second}\n`);
		const mark = name === "logs -f" ? "┃ " : "";
		const lines = ["Worker is asking:", ..."Which database?,,Options:,1. postgres,2. sqlite".split(",")];
		expect(view(), name).toContain(lines.map((line, n) => `${mark}${n === 0 ? "" : "  "}${line}\n`).join(""));
		// Who saw it before the other one was asked needs no number.
		expect(view(), name).toMatch(/\n(?:┃ )?Answer with: dispatch answer job( --seq 1)? "…"\n/);
	}
	for (const [args, commands] of [
		[
			["status", "job"],
			[first, second],
		],
		[["status"], [first]],
		[["ls"], [first]],
		[["questions"], [first, second]],
	] as const) {
		const shown = await user.ok([...args]);
		for (const each of ["  1. postgres\n  2. sqlite\n", ...commands]) expect(shown, args[0]).toContain(each);
	}
	await user.ok(["answer", "job", "--seq", "2", "8080"]);
	expect(await user.ok(["status", "job"])).toContain('Answer with: dispatch answer job "…"\n');
	await user.ok(["answer", "job", "2"]);
	for (const command of [waiting, later, following]) await expect.poll(() => command.exitCode).toBe(0);
	for (const [name, view] of Object.entries(views))
		for (const answer of ["8080", "sqlite"])
			expect(view(), name).toMatch(new RegExp(`${SAID.source}"${answer}"\n`));
	expect(await user.ok(["output", "job"])).toBe("Which database? sqlite\nWhich port? 8080\n");
	const report = await user.ok(["status", "job"]);
	expect(report).toMatch(
		new RegExp(`Worker asked \\(001\\): "Which database\\?.*"\n  ${SAID.source}"sqlite"\n`),
	);
	expect(report).toMatch(new RegExp(`Worker asked \\(002\\): "Which port\\?"\n  ${SAID.source}"8080"\n`));
});

test("logs tell one start from the next, and show one of them; what was asked and answered stands between the lines", async () => {
	user = new User({ agent: "asks-two-at-once.sh", agents: { twice: "prints-twice.sh" } });
	await user.ok(["enqueue", "--id", "twice", "--model", "twice", "--attempts", "2", "Work"]);
	await user.ok(["enqueue", "--id", "later", "--delay", "1h", "Work"]);
	await user.waitForState("twice", "completed");
	const MARK = "┃ Start 2, \\d\\d:\\d\\d:\\d\\d\n";
	const [one, two] = ["start 1: a\tb bold\n", "start 2: a\tb bold\n"];
	for (const more of [[], ["-f"]])
		expect(await user.ok(["logs", "twice", ...more])).toMatch(new RegExp(`^${one}${MARK}${two}$`));
	expect(await user.ok(["logs", "twice", "--attempt", "1"])).toBe(one);
	expect(await user.ok(["logs", "twice", "--attempt", "2"])).toBe(two);
	expect(await user.ok(["logs", "twice", "--attempt", "1", "--raw"])).toBe(
		"start 1: a\tb \u001b[1mbold\u001b[0m\n",
	);
	for (const [args, says] of [
		[["twice", "--attempt", "3"], "`twice` is at its start 2: there is no --attempt 3."],
		[["twice", "--attempt", "3", "--raw"], "`twice` is at its start 2: there is no --attempt 3."],
		[["later", "--attempt", "1"], "`later` has not started yet: there is no --attempt 1."],
		[["twice", "--attempt", "0"], "Expected --attempt to be 1–"],
		[["twice", "--attempt", "1", "-f"], "--attempt does not go with --follow."],
	] as const)
		expect(await user.run(["logs", ...args])).toMatchObject({
			code: 2,
			stderr: expect.stringContaining(says),
		});

	await user.ok(["enqueue", "--id", "job", "Work"]);
	await user.waitForState("job", "asking");
	await expect
		.poll(() => user.ok(["logs", "job"]))
		.toContain('┃ Worker is asking: "Which port?" Answer with: dispatch answer');
	await user.ok(["answer", "job", "1"]);
	await user.ok(["answer", "job", "8080"]);
	await user.waitForState("job", "completed");
	const log = await user.ok(["logs", "job"]);
	expect(log).toMatch(
		new RegExp(
			`^I look around\n┃ Worker asked: "Which database\\?.*"\n┃ Worker asked: "Which port\\?"\n┃ ${SAID.source}"postgres"\n`,
		),
	);
	expect(log).toMatch(new RegExp(`\n┃ ${SAID.source}"8080"\n`));
	expect(await user.ok(["logs", "job", "--events"])).toMatch(
		/ answered 001 by \S+@\S+: postgres\n(.*\n)* *.* answered 002 by \S+@\S+: 8080\n/,
	);
});

test("a printed command that is pasted as it stands asks for the answer, and sends no placeholder", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "job", "Work"]);
	await user.waitForState("job", "asking");
	const piped = await user.run(["answer", "job", "…"]);
	expect(piped).toMatchObject({ code: 2, stderr: expect.stringContaining("Expected an answer.") });
	const words = [process.execPath, PROGRAM, "answer", "job", "…"];
	const screen = new Screen(words, { columns: 80, rows: 24, cwd: user.project, env: user.env });
	try {
		await screen.waitFor("job asks (001)");
		screen.type("Blue");
		await screen.waitFor("Blue");
		screen.keys("Enter");
		await screen.waitFor("Answer sent.");
	} finally {
		screen.close();
	}
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("The answer: Blue\n");
});
