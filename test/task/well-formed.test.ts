import fc from "fast-check";
import { expect, test } from "vitest";
import { toJson } from "../../src/task/well-formed.ts";

const units = fc.string({
	unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
});

/** As it must come back: the same, halves of characters replaced. */
function replaced(value: unknown): unknown {
	if (typeof value === "string") return value.toWellFormed();
	if (Array.isArray(value)) return value.map(replaced);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, each]) => [name.toWellFormed(), replaced(each)]),
	);
}

test("any text goes through as it is, halves of characters as U+FFFD, at any depth and in names", () => {
	const value = fc.oneof(
		units,
		fc.array(units),
		fc.dictionary(fc.oneof(units, fc.constant("__proto__")), units),
	);
	fc.assert(
		fc.property(value, (given) => {
			const text = toJson(given);
			expect(text.isWellFormed()).toBe(true);
			expect(JSON.parse(text)).toEqual(replaced(given));
			// Not `text` itself: two names of halves become one.
			expect(toJson(JSON.parse(text))).toBe(toJson(replaced(given)));
			expect(JSON.parse(JSON.parse(toJson(toJson(given))))).toEqual(replaced(given));
		}),
		{ numRuns: 500, examples: [["\\ud83d"], ["\\\ud83d"], ["\ud83d\\ud83d\ude00"], ["\0"]] },
	);
});
