import { expect, test } from "vitest";
import { shortLine, stillLine, totalLine } from "../../src/cli/show/batch-lines.ts";
import type { TaskRecord } from "../../src/task/record.ts";

const NOW = Date.UTC(2026, 10, 24);

const NO_WORK = { workedMs: 0, workingSince: null };

function ended(state: TaskRecord["state"], usage: object | null, minutes = 12): TaskRecord {
	const from = NOW - 20 * 60_000;
	const work = { createdAt: from, queuedAt: from, endedAt: from + minutes * 60_000, ...NO_WORK };
	return { state, ...work, progress: { usage } } as unknown as TaskRecord;
}

const cost = (costUsd: number | null, estimated = false) => ({ costUsd, estimated });

test("the totals of a batch: how many came to what, in which time, and what is known of the cost", () => {
	const done = [ended("completed", cost(3)), ended("failed", cost(0.1), 3), ended("completed", null)];
	expect(totalLine(done, NOW)).toBe("2 completed, 1 failed in 12m, $3.10");
	expect(totalLine([ended("completed", cost(null))], NOW)).toBe("1 completed in 12m");
	const open = { ...ended("running", cost(1.5, true)), endedAt: null };
	expect(totalLine([...done, open], NOW)).toBe("2 completed, 1 failed, 1 running in 20m, about $4.60");
	// Started again it still knows when it ended before: it goes on all the same.
	const again = ended("running", cost(1.5, true));
	expect(totalLine([...done, again], NOW)).toBe("2 completed, 1 failed, 1 running in 20m, about $4.60");
});

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

test.each([
	["started again a day later", { queuedAt: NOW + DAY_MS, endedAt: NOW + DAY_MS + 5 * MINUTE_MS }, "17m"],
	["due again after a crash", { queuedAt: NOW - 10 * MINUTE_MS, endedAt: NOW, workedMs: 0 }, "20m"],
	["at work for longer than it was due", { queuedAt: NOW, endedAt: NOW, workedMs: 4 * MINUTE_MS }, "16m"],
	["waiting for others", { state: "waiting" }, "12m"],
])("the time in which nobody did anything is not counted: one %s", (_name, changes, time) => {
	const records = [ended("completed", null), { ...ended("completed", null), ...changes } as TaskRecord];
	expect(totalLine(records, NOW + 2 * DAY_MS)).toMatch(new RegExp(` in ${time}$`));
	// What is told meanwhile is by the same clock.
	expect(shortLine(records, NOW + 2 * DAY_MS)).toMatch(new RegExp(`, ${time}$`));
	const still = records.map((record) => ({ ...record, spec: { id: "t" } }) as TaskRecord);
	expect(stillLine(still, NOW + 2 * DAY_MS)).toMatch(new RegExp(`^Still at work after ${time}:`));
});
