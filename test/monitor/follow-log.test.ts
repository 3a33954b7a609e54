import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import { type FollowerOptions, LogFollower } from "../../src/monitor/follow-log.ts";
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

const texts = ({ lines }: { lines: { text: string }[] }) => lines.map(({ text }) => text);
const follower = (run: RunDir, type: "command" | "claude" = "command", options: FollowerOptions = {}) =>
	new LogFollower(run, backendOf(type), { now: () => 0, ...options });
/** A look, and what it read is safe. */
function look(log: LogFollower, ended = false): string[] {
	const shown = texts(log.read(ended));
	log.save();
	return shown;
}

test("a line counts when it is complete, or when the agent is gone", () => {
	const run = newRun();
	const log = follower(run);
	appendFileSync(run.logPath, "one\ntw");
	expect(look(log)).toEqual(["one"]);
	appendFileSync(run.logPath, "o\nthree");
	expect(look(log)).toEqual(["two"]);
	expect(look(log, true)).toEqual(["three"]);
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

test("lines that could not be put into Redis come again, with the next ones behind them", () => {
	const run = newRun();
	const log = follower(run);
	appendFileSync(run.logPath, "one\n");
	const first = log.read(false).lines.slice();
	appendFileSync(run.logPath, "two\n");
	const again = log.read(true).lines;
	expect(again.slice(0, 1)).toEqual(first);
	expect(again.map(({ text }) => text)).toEqual(["one", "two"]);
	log.save();
	expect(texts(log.read(true))).toEqual([]);
});

test("events that show nothing are saved all the same", () => {
	const run = newRun();
	const usage = { input_tokens: 5, output_tokens: 7 };
	appendFileSync(run.logPath, `${JSON.stringify({ type: "turn.completed", usage })}\n`);
	const log = new LogFollower(run, backendOf("codex"));
	expect(look(log)).toEqual([]);
	expect(log.seen.sessionUsage).toMatchObject({ outputTokens: 7 });
	expect(new LogFollower(run, backendOf("codex")).seen).toEqual(log.seen);
});

/** Looks until all is read. @returns every line, the number of looks, and the most lines of one look */
function readAll(log: LogFollower, ended = true): { lines: string[]; looks: number; most: number } {
	const all: string[] = [];
	let looks = 0;
	let most = 0;
	for (let more = true; more; looks++) {
		const read = log.read(ended);
		all.push(...texts(read));
		most = Math.max(most, read.lines.length);
		log.save();
		more = read.more;
	}
	return { lines: all, looks, most };
}

test.each([
	["long lines", `${"x".repeat(1_023)}\n`, 12_000],
	["short lines", "y\n", 20_000],
	["empty lines between", "\n\n\ny\n", 5_000],
])("a flood of %s is read in parts, also at the end, and comes whole", (_what, line, count) => {
	const run = newRun();
	appendFileSync(run.logPath, `${line.repeat(count)}last\n`);
	const { lines, looks, most } = readAll(follower(run, "command", { behindMs: Number.POSITIVE_INFINITY }));
	expect(lines).toHaveLength(count + 1);
	expect(lines.at(-1)).toBe("last");
	expect(most).toBeLessThanOrEqual(1_001);
	expect(looks).toBeGreaterThan(4);
});

test("one look ends when its time is over, whatever there is to read", () => {
	const run = newRun();
	appendFileSync(run.logPath, "\n".repeat(3_000_000));
	let now = 0;
	const log = follower(run, "command", { now: () => now++, lookMs: 10 });
	expect(log.read(true).more).toBe(true);
	expect(now).toBeLessThan(20);
});

test("an agent that is never caught up with is skipped to its last lines, which the log says", () => {
	const run = newRun();
	appendFileSync(run.logPath, `${"y\n".repeat(4_000_000)}last words\n`);
	let now = 0;
	const log = follower(run, "command", { now: () => now, behindMs: 1_000 });
	expect(look(log)).toHaveLength(1_000);
	now += 1_001;
	const { lines, looks } = readAll(log);
	expect(lines[0]).toMatch(/^\[dispatch\] \d{7} bytes of output are not shown/);
	expect(lines.slice(-2)).toEqual([
		"last words",
		expect.stringMatching(/^\[dispatch\] \d{7} bytes .* above are not/),
	]);
	expect(new Set(lines.slice(1, -2))).toEqual(new Set(["y"]));
	expect(looks).toBeLessThan(200);
});

test("any bytes, cut anywhere, in any order of looks, saves and new daemons: each whole line once", () => {
	const step = fc.record({
		bytes: fc.uint8Array({ maxLength: 40 }),
		saves: fc.boolean(),
		dies: fc.boolean(),
	});
	fc.assert(
		fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
			const run = newRun();
			const seen = new Map<number, string>();
			const keep = (read: ReturnType<LogFollower["read"]>) => {
				for (const { position, text } of read.lines) seen.set(position, text);
			};
			let log = follower(run);
			for (const { bytes, saves, dies } of steps) {
				appendFileSync(run.logPath, bytes);
				keep(log.read(false));
				if (saves) log.save();
				if (dies) log = follower(run);
			}
			keep(log.read(true));
			const whole = new Map<number, string>();
			for (const { position, text } of follower(run, "command").read(true).lines) whole.set(position, text);
			const fresh = newRun();
			writeFileSync(fresh.logPath, Buffer.concat(steps.map(({ bytes }) => bytes)));
			for (const { position, text } of follower(fresh).read(true).lines) whole.set(position, text);
			expect([...seen].sort(([a], [b]) => a - b)).toEqual([...whole].sort(([a], [b]) => a - b));
		}),
		{ numRuns: 200 },
	);
});

test("claude's word before its background command ends is not its last one: it counts when that is over, until another turn begins", () => {
	const run = newRun();
	const log = follower(run, "claude");
	const tell = (...events: object[]) => {
		appendFileSync(run.logPath, `${events.map((event) => JSON.stringify(event)).join("\n")}\n`);
		look(log);
		return log.seen;
	};
	const init = { type: "system", subtype: "init", session_id: "s-1" };
	const tasks = (...list: object[]) => ({ type: "system", subtype: "background_tasks_changed", tasks: list });
	const result = { type: "result", subtype: "success", is_error: false, result: "I wait." };
	const task = { task_id: "b", task_type: "local_bash", description: "npm test" };
	expect(tell(init, tasks(task), result)).toMatchObject({
		result: null,
		waitsFor: "a background command: npm test",
	});
	expect(tell(tasks())).toMatchObject({ result: { ok: true }, waitsFor: null });
	expect(tell(init).result).toBeNull();
	expect(tell({ ...result, result: "Done." }).result).toEqual({ ok: true, message: "Done." });
});
