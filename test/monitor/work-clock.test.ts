import { expect, test } from "vitest";
import { WorkClock } from "../../src/monitor/work-clock.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { specOf } from "../queue/records/store-support.ts";

const S = 1_000;
const clock = (more: Partial<TaskRecord> = {}, inactivityMs = 80 * S) =>
	new WorkClock(
		{ spec: specOf("t", { inactivityMs }), workedMs: 0, workingSince: null, ...more } as TaskRecord,
		0,
		1_000_000,
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

test("CPU time of the tree is a sign of life from one per cent of a core on", () => {
	const idle = clock();
	const busy = clock();
	let ticks = 0;
	for (let at = 1; at <= 70; at++) {
		ticks += 2;
		idle.tick(at * S, working, () => 100);
		busy.tick(at * S, working, () => ticks);
	}
	expect(idle.tick(71 * S, working, () => 100)).toBe(71 * S);
	expect(busy.tick(71 * S, working, () => ticks)).toBeLessThan(21 * S);
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
