import { expect, test } from "vitest";
import { claude } from "../../src/backends/claude/adapter.ts";
import { noteFindings } from "../../src/monitor/limits.ts";
import type { LiveTask } from "../../src/monitor/live-task.ts";
import { type Times, WorkClock } from "../../src/monitor/work-clock.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { specOf } from "../queue/records/store-support.ts";

const S = 1_000;
const clock = (more: Partial<TaskRecord> = {}, inactivityMs = 80 * S, times: Partial<Times> = {}) =>
	new WorkClock(
		{ spec: specOf("t", { inactivityMs }), workedMs: 0, workingSince: null, ...more } as TaskRecord,
		{ now: 0, redisNow: 1_000_000, ageMs: null, ...times },
	);
const working = { asking: false, sign: false };
const noCpu = () => 0;

test("silence counts from the last sign of life, and stands while the agent asks", () => {
	const made = clock();
	expect(made.tick(5 * S, working, noCpu)).toBe(5 * S);
	expect(made.tick(6 * S, { asking: false, sign: true }, noCpu)).toBe(0);
	expect(made.tick(9 * S, working, noCpu)).toBe(3 * S);
	expect(made.tick(500 * S, { asking: true, sign: false }, noCpu)).toBe(0);
	expect(made.tick(501 * S, working, noCpu)).toBe(S);
});

test.each([
	["none", 0, true],
	["what a CLI takes that only waits", 1.5, true],
	["the most that it took in ten seconds", 4.8, true],
	["that of a tool that works now and then", 8, false],
	["that of one that computes", 100, false],
])("CPU time of the tree, %s: %f ticks a second, silent: %s", (_what, rate, isSilent) => {
	const made = clock();
	for (let at = 1; at <= 70; at++) made.tick(at * S, working, () => 100 + at * rate);
	const silentMs = made.tick(71 * S, working, () => 100 + 71 * rate);
	expect(isSilent ? silentMs === 71 * S : silentMs < 21 * S).toBe(true);
});

test.each([0.3, 2, 6, 15, 19, 29, 80])(
	"an agent that computes is not stuck after %d s of silence",
	(limitS) => {
		for (const stepS of [limitS / 20, 3]) {
			const made = clock({}, limitS * S);
			for (let at = stepS; at <= 10 * Math.max(limitS, stepS); at += stepS)
				expect(made.tick(at * S, working, () => at * 100)).toBeLessThan(limitS * S);
		}
	},
);

test("a look at the CPU that fails ends nobody, and takes no other clock away", () => {
	const made = clock();
	const failing = () => {
		throw new Error("EMFILE");
	};
	for (let at = 1; at <= 200; at++) expect(made.tick(at * S, working, failing)).toBeLessThan(80 * S);
	expect(made.workedMs).toBe(200 * S);
});

test("looking at the CPU costs a walk over all processes: a silent agent is looked at a few times only", () => {
	const made = clock({}, 1_800 * S);
	let looks = 0;
	for (let at = 1; at <= 1_800; at += 3) made.tick(at * S, working, () => ++looks * 0);
	expect(looks).toBeLessThanOrEqual(8);
});

test("time at work goes on from what was worked before, and stands while asking", () => {
	const made = clock({ workedMs: 10 * S, workingSince: 1_000_000 - 5 * S });
	expect(made.workedMs).toBe(15 * S);
	made.tick(3 * S, working, noCpu);
	made.tick(60 * S, { asking: true, sign: false }, noCpu);
	made.tick(61 * S, working, noCpu);
	expect(made.workedMs).toBe(19 * S);
});

test("a clock that was moved while nobody worked here makes no agent older than its process", () => {
	const day = 86_400 * S;
	const since = { workingSince: 1_000_000, workedMs: 5 * S };
	expect(clock(since, 80 * S, { redisNow: 1_000_000 + 9 * S, ageMs: 20 * S }).workedMs).toBe(14 * S);
	expect(clock(since, 80 * S, { redisNow: 1_000_000 + day, ageMs: 20 * S }).workedMs).toBe(25 * S);
	expect(clock(since, 80 * S, { redisNow: 1_000_000 - day, ageMs: 20 * S }).workedMs).toBe(5 * S);
	expect(clock(since, 80 * S, { redisNow: 1_000_000 + 9 * S, ageMs: null }).workedMs).toBe(14 * S);
});

test("time in which nobody looked is no silence: the limit comes after as much of it as was heard", () => {
	const made = clock({}, 1_800 * S);
	made.tick(S, { asking: false, sign: true }, noCpu);
	expect(made.tick(3_601 * S, working, noCpu)).toBe(60 * S);
	expect(made.tick(3_611 * S, working, noCpu)).toBe(70 * S);
	expect(made.tick(3_621 * S, working, noCpu)).toBe(80 * S);
	expect(made.workedMs).toBe(3_621 * S);
});

test.each([0.3, 2, 30, 60, 100])(
	"an agent that printed all the while is not stuck after %d s of silence, though nobody looked for longer",
	(limitS) => {
		const limitMs = limitS * S;
		const made = clock({}, limitMs);
		made.tick(S, { asking: false, sign: true }, noCpu);
		const at = S + 20 * limitMs;
		expect(made.tick(at, working, noCpu)).toBeLessThan(limitMs);
		expect(made.tick(at + 1, { asking: false, sign: true }, noCpu)).toBe(0);
		// And a silent one is, after two looks.
		made.tick(at + limitMs, working, noCpu);
		expect(made.tick(at + 2 * limitMs, working, noCpu)).toBeGreaterThanOrEqual(limitMs);
	},
);

test.each([
	["one that is not due", 600 * S, true],
	["one that is over", -S, false],
	["one that a moved clock puts off, or that nobody would set", 366 * 86_400 * S, false],
])("a wake-up that an agent has set is no silence until then: %s", (_title, inMs, sleeps) => {
	const live = { log: { seen: { waitsUntil: 1_000_000 + inMs, result: null } }, sleeps: !sleeps } as LiveTask;
	const ipc = { questions: [], answered: [], done: [], finished: false, rejected: [] };
	noteFindings({ spec: specOf("t") } as TaskRecord, live, ipc, 0, 1_000_000);
	expect(live.sleeps).toBe(sleeps);
});

test.each(["tool_progress", "keep_alive"])(
	"what only says that the CLI lives is no sign of work: %s",
	(type) => {
		expect(claude.parser().line(JSON.stringify({ type }))).toEqual([{ kind: "heartbeat" }]);
	},
);
