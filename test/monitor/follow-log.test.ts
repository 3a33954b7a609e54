import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import { LogFollower } from "../../src/monitor/follow-log.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { temporaryFolder } from "../temporary-folder.ts";

function newRun(): RunDir {
	const home = temporaryFolder("fl");
	const facts = { task: "t", epoch: 1, nonce: "n", backend: "fake", cwd: home, taskDir: home };
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null });
	if (run === null) throw new Error("claimed already");
	writeFileSync(run.logPath, "");
	return run;
}

const texts = (lines: { text: string }[]) => lines.map(({ text }) => text);
const follower = (run: RunDir, type: "command" | "claude" = "command") =>
	new LogFollower(run, backendOf(type));

test("a line counts when it is complete, or when the agent is gone", () => {
	const run = newRun();
	const log = follower(run);
	appendFileSync(run.logPath, "one\ntw");
	expect(texts(log.read(false))).toEqual(["one"]);
	appendFileSync(run.logPath, "o\nthree");
	expect(texts(log.read(false))).toEqual(["two"]);
	expect(texts(log.read(true))).toEqual(["three"]);
});

test("the next daemon goes on after what was saved; what was not is read again at the same position", () => {
	const run = newRun();
	appendFileSync(run.logPath, "one\n");
	const first = follower(run);
	first.read(false);
	first.save();
	appendFileSync(run.logPath, "two\n");
	const unsaved = first.read(false);
	expect(follower(run).read(false)).toEqual(unsaved);
	expect(texts(unsaved)).toEqual(["two"]);
	writeFileSync(join(run.path, "followed.json"), '{"offs');
	expect(texts(follower(run).read(false))).toContain("two");
});

test("events add up: session, usage, result; and they are kept over a restart", () => {
	const run = newRun();
	const events = [
		{ type: "system", subtype: "init", session_id: "s-1" },
		{ type: "assistant", message: { content: [{ type: "text", text: "Looking.\nMore" }] } },
		{ type: "result", subtype: "success", is_error: false, result: "Done.", total_cost_usd: 0.5 },
	];
	appendFileSync(run.logPath, `${events.map((event) => JSON.stringify(event)).join("\n")}\n`);
	const log = follower(run, "claude");
	expect(texts(log.read(false))).toContain("Looking.");
	log.save();
	for (const { seen } of [log, follower(run, "claude")])
		expect(seen).toMatchObject({ sessionId: "s-1", result: { ok: true }, failure: null, sawOutput: true });
});

test("a flood does not hold up a look: it is read in parts, and nothing is skipped at the end", () => {
	const run = newRun();
	const line = `${"x".repeat(1_023)}\n`;
	appendFileSync(run.logPath, line.repeat(12 * 1_024));
	appendFileSync(run.logPath, "last\n");
	const log = follower(run);
	expect(texts(log.read(false))).not.toContain("last");
	expect(texts(log.read(true)).at(-1)).toBe("last");
});
