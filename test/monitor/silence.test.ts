/** Silence is counted over restarts of the worker: one that restarts often ends an agent that hangs all the same. */
import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import { openSigner } from "../../src/config/signing-key.ts";
import { LogFollower } from "../../src/monitor/follow-log.ts";
import { HandedAnswers } from "../../src/monitor/handed.ts";
import { dueLimit } from "../../src/monitor/limits.ts";
import { LiveTask } from "../../src/monitor/live-task.ts";
import { SilenceNote } from "../../src/monitor/silence.ts";
import { stampOf } from "../../src/monitor/stamp.ts";
import { WorkClock } from "../../src/monitor/work-clock.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { specOf } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const MINUTE = 60_000;
const LIMIT = 30 * MINUTE;
const LOOK = 3_000;
const record = { spec: specOf("t", { inactivityMs: LIMIT }), epoch: 1, workedMs: 0, workingSince: null };

function newRun(): RunDir {
	const home = temporaryFolder("silence");
	const taskDir = join(home, "task");
	mkdirSync(join(taskDir, "ipc"), { recursive: true });
	writeFileSync(join(taskDir, "plan.md"), "# P\n");
	const facts = { task: "t", epoch: 1, nonce: "no-such-process", backend: "fake", cwd: home, taskDir };
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null });
	if (run === null) throw new Error("claimed already");
	writeFileSync(run.logPath, "");
	return run;
}

/**
 * A daemon that finds the agent, looks at it for so long, and goes.
 * @param now monotonic ms of another process: nothing of the last one's
 * @returns after how many ms it ended the agent; null: it did not
 */
function daemon(run: RunDir, lookedMs: number, now: number, act = (_atMs: number) => {}): number | null {
	const log = new LogFollower(run, backendOf("command"), { now: () => 0 });
	const handed = new HandedAnswers(run, openSigner(run.facts.cwd));
	const known = { log, handed, adopted: true };
	const live = new LiveTask(record as unknown as TaskRecord, run, known, now, 0);
	for (let atMs = 0; atMs < lookedMs; atMs += LOOK) {
		act(atMs);
		live.stamp = stampOf(run);
		const due = dueLimit(live, now + atMs, 0);
		log.read(false);
		log.save();
		if (due !== null) return atMs;
	}
	return null;
}

/** @returns minutes that all of them looked, until one ended the agent; null: none of them did */
function untilEnded(
	run: RunDir,
	eachMs: number,
	daemons: number,
	act?: (atMs: number) => void,
): number | null {
	for (let nth = 0; nth < daemons; nth++) {
		const endedMs = daemon(run, eachMs, 7_919 * nth, act);
		if (endedMs !== null) return (nth * eachMs + endedMs) / MINUTE;
	}
	return null;
}

test.each([2, 10, 20, 29, 60])(
	"an agent that hangs is ended about when the limit says, though the worker restarts every %d minutes",
	(minutes) => {
		const endedAt = untilEnded(newRun(), minutes * MINUTE, 100);
		expect(endedAt).toBeGreaterThanOrEqual(30);
		// Each restart may lose what was not yet noted.
		expect(endedAt).toBeLessThanOrEqual(30 + 2 + 30 / (minutes - 1));
	},
);

test.each<[string, (run: RunDir) => void]>([
	["prints", (run) => appendFileSync(run.logPath, "a line\n")],
	["works at its plan", (run) => appendFileSync(join(run.facts.taskDir, "plan.md"), "- [x] one\n")],
	[
		"asks",
		(run) =>
			writeFileSync(
				join(run.facts.taskDir, "ipc", `${readdirSync(join(run.facts.taskDir, "ipc")).length}.question`),
				"?",
			),
	],
])("one that %s is not, while the worker is there or not", (_what, sign) => {
	const inside = newRun();
	expect(untilEnded(inside, 25 * MINUTE, 8, (atMs) => atMs === 15 * MINUTE && sign(inside))).toBeNull();
	const between = newRun();
	for (let nth = 0; nth < 8; nth++) {
		expect(daemon(between, 25 * MINUTE, nth)).toBeNull();
		sign(between);
	}
});

test("time in which no worker was there is no silence", () => {
	const run = newRun();
	expect(daemon(run, 20 * MINUTE, 0)).toBeNull();
	expect(daemon(run, 5 * MINUTE, 600 * MINUTE)).toBeNull();
	expect(untilEnded(run, 60 * MINUTE, 1)).toBeLessThanOrEqual(7);
});

test("a program that computes in silence is busy for every worker, and an active one causes no write", () => {
	const run = newRun();
	let [ticks, writes] = [0, 0];
	for (let nth = 0; nth < 12; nth++) {
		const note = new SilenceNote(run, LIMIT);
		const clock = new WorkClock(record as unknown as TaskRecord, {
			now: 0,
			redisNow: 0,
			ageMs: null,
			silentMs: note.noted.silentMs,
		});
		for (let at = 0; at < 10 * MINUTE; at += LOOK) {
			ticks += 100;
			const silentMs = clock.tick(at, { asking: false, sign: false }, () => ticks);
			expect(silentMs).toBeLessThan(LIMIT);
			const before = note.noted;
			note.note("s", silentMs);
			if (note.noted !== before) writes += 1;
		}
	}
	expect(writes).toBeLessThan(12 * 11);
	const active = new SilenceNote(newRun(), LIMIT);
	const before = active.noted;
	for (let look = 0; look < 100; look++) active.note(`stamp ${look}`, look % 30_000);
	expect(active.noted).toBe(before);
});

test.each([
	"",
	"x",
	"{}",
	'{"stamp":"s","silentMs":-1}',
	'{"stamp":5,"silentMs":1}',
	`{"stamp":"","silentMs":${LIMIT * 9}}`,
])("what an agent writes in its place ends nobody: %s", (text) => {
	const run = newRun();
	writeFileSync(join(run.path, "silence.json"), text);
	expect(daemon(run, LOOK * 2, 0)).toBeNull();
});
