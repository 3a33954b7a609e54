import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "../../src/task/duration.ts";
import { DispatchError } from "../../src/task/errors.ts";

test.each([
	["30s", 30_000],
	["10m", 600_000],
	["2h", 7_200_000],
	["1d", 86_400_000],
	["500ms", 500],
	["1h30m", 5_400_000],
	["1.5h", 5_400_000],
	[" 1h 30m ", 5_400_000],
	["0s", 0],
])("%s is %d ms", (text, ms) => {
	expect(parseDuration(text, "--timeout")).toBe(ms);
});

test.each(["", "10", "abc", "-5m", "10 minutes", "1w", "1M", "5m!", "99999999d", "1e3s", "9".repeat(400)])(
	"%j is refused with the option, the value and an example",
	(text) => {
		const refusal = { code: "DISPATCH_USAGE", hint: expect.stringContaining("--timeout 10m") };
		expect(() => parseDuration(text, "--timeout")).toThrow(expect.objectContaining(refusal));
		expect(() => parseDuration(text, "--timeout")).toThrow(DispatchError);
		expect(() => parseDuration(text, "--timeout")).toThrow(`got "${text.slice(0, 20)}`);
	},
);

test.each([
	[0, "0s"],
	[0.7, "0s"],
	[Number.NaN, "0s"],
	[999, "999ms"],
	[1_999, "1s"],
	[600_000, "10m"],
	[5_400_000, "1h30m"],
	[86_400_000 * 2 + 5_000, "2d"],
	[86_400_000 + 3_661_000, "1d1h"],
])("%d ms reads %s", (ms, text) => {
	expect(formatDuration(ms)).toBe(text);
});

test("what is formatted can be parsed and is not longer", () => {
	fc.assert(
		fc.property(fc.integer({ min: 0, max: 3_650 * 86_400_000 }), (ms) => {
			const back = parseDuration(formatDuration(ms), "it");
			expect(back).toBeLessThanOrEqual(ms);
			expect(ms - back).toBeLessThan(Math.max(1_000, ms / 2));
		}),
	);
});
