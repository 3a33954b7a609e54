/** What was done is told, with its ids, also where no worker can be started for it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { holdShut } from "../leased.ts";
import { User } from "./harness.ts";

let user: User;

beforeEach(async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "job", "--tag", "a=b", "x"]);
	await user.waitForState("job", "asking");
	await user.ok(["enqueue", "--id", "later", "--delay", "1h", "x"]);
	await user.ok(["enqueue", "--id", "ended", "--delay", "1h", "x"]);
	await user.ok(["cancel", "ended"]);
	const pid = user.daemonPid();
	process.kill(pid ?? 0, "SIGKILL");
	await expect.poll(() => user.processes().some((each) => each.pid === pid)).toBe(false);
	rmSync(join(user.home, "daemon.log"), { force: true });
	mkdirSync(join(user.home, "daemon.log"));
});
afterEach(async () => {
	rmSync(join(user.home, "daemon.log"), { recursive: true, force: true });
	await user.cleanup();
});

test.each([
	{ words: ["enqueue", "--id", "fresh", "x"], told: /`fresh`|"fresh"/, to: "fresh", state: "queued" },
	{
		words: ["answer", "job", "blue"],
		told: /Answer (kept|sent)|"answer":"blue"/,
		to: "job",
		state: "running",
	},
	{ words: ["answer", "job,later", "blue"], told: /`job`: |"answer":"blue"/, to: "job", state: "running" },
	{
		words: ["cancel", "later", "job"],
		told: /Cancelled `later`[\s\S]*Cancelling `job`|"later"/,
		to: "later",
		state: "cancelled",
	},
	{ words: ["retry", "ended", "later"], told: /`ended`[^\n]*\n|"ended"/, to: "ended", state: "queued" },
])("$words", async ({ words, told, to, state }) => {
	const plain = await user.run(words);
	expect(plain.stdout).toMatch(told);
	expect(plain.stderr).toContain("daemon.log");
	expect(plain.code).toBeGreaterThan(0);
	expect((await user.json(["status", to])).state).toBe(state);
});

test.each([
	{ words: ["enqueue", "--id", "fresh", "x"], id: "fresh" },
	{ words: ["answer", "job", "blue"], id: "job" },
	{ words: ["retry", "ended"], id: "ended" },
	{ words: ["cancel", "job", "later"], id: "later" },
])(
	"$words --json: stdout is the one result, and why no worker runs stands on stderr",
	async ({ words, id }) => {
		const { stdout, stderr, code } = await user.run([...words, "--json"]);
		expect(JSON.stringify(JSON.parse(stdout))).toMatch(new RegExp(`"(id|task)":"${id}"`));
		expect(stderr).toContain("daemon.log");
		expect(code).toBeGreaterThan(0);
	},
);

test("nor where what the last one said of itself is kept shut by somebody", async () => {
	const shut = await holdShut([join(user.home, "daemon.json")]);
	for (const [words, told] of [
		[["answer", "job", "blue"], "Answer sent."],
		[["cancel", "job"], "Cancelling `job`"],
		[["retry", "ended"], "`ended` starts"],
	] as [string[], string][]) {
		const { stdout, stderr, code } = await user.run(words);
		expect(stdout).toContain(told);
		expect(stderr).toContain("daemon.log");
		expect(code).toBeGreaterThan(0);
	}
	await shut.letGo();
});
