import { expect, test } from "vitest";
import { encodeFields, type RecordChanges } from "../../../src/queue/records/record-fields.ts";

const progress = { plan: { title: null, items: [] }, activity: null, lastSignAt: null };
const outcome = {
	kind: "failed" as const,
	message: "",
	exitCode: null,
	signal: null,
	logTail: [],
	warnings: [],
};

/** Each would make the record damaged: its agent would have no limits any more. */
test.each<[string, RecordChanges]>([
	["an end beyond all calendars", { hold: { kind: "rate_limited", until: 1e15 } }],
	[
		"tokens below nothing",
		{
			progress: { ...progress, usage: { inputTokens: -1, outputTokens: 0, costUsd: null, estimated: false } },
		},
	],
	[
		"a cost beyond all budgets",
		{ progress: { ...progress, usage: { inputTokens: 0, outputTokens: 0, costUsd: 1e9, estimated: false } } },
	],
	["an exit code that no process has", { outcome: { ...outcome, exitCode: 1e12 } }],
])("what could not be read again is not written: %s", (_, changes) => {
	expect(() => encodeFields(changes)).toThrow(expect.objectContaining({ name: "Damage" }));
});

test("what can be read is written", () => {
	expect(encodeFields({ outcome, hold: { kind: "backoff", until: 1 }, attempt: 2 })).toMatchObject({
		attempt: "2",
	});
});
