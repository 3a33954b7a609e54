import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutText } from "../../src/task/cut-text.ts";

const hostile = fc.array(
	fc.oneof(
		fc.string({ unit: "binary" }),
		fc.constantFrom(
			"😀",
			"👨‍👩‍👧‍👦",
			"🇨🇭",
			"e\u0301",
			"\ud83d",
			"\ude00",
			"a",
			"\r\n",
			"\0",
			`z${"\u0300".repeat(200)}`,
		),
	),
);

describe("cutText", () => {
	test.each([
		["is kept when it fits", "Grüße", 5, "Grüße"],
		["is cut with a mark", "abcdef", 4, "abc…"],
		["keeps an emoji whole", `${"a".repeat(198)}😀tail`, 200, `${"a".repeat(198)}…`],
		["keeps a letter and its accent together", "abe\u0301x", 4, "ab…"],
		["keeps a family together", "👨‍👩‍👧‍👦👨‍👩‍👧‍👦", 20, "👨‍👩‍👧‍👦…"],
		["leaves no blank before the mark", "one two three", 9, "one two…"],
		["makes half a character whole", "a\ud83d", 5, "a\ufffd"],
	])("%s", (_name, text, max, expected) => {
		expect(cutText(text, max)).toBe(expected);
	});

	test("gives well-formed text of at most so many units, which begins as the text does", () => {
		fc.assert(
			fc.property(
				hostile,
				fc.integer({ min: 1, max: 300 }),
				fc.constantFrom("…", "", " …[cut]"),
				(parts, max, mark) => {
					const text = parts.join("");
					const cut = cutText(text, Math.max(max, mark.length), mark);
					expect(cut.isWellFormed()).toBe(true);
					expect(cut.length).toBeLessThanOrEqual(Math.max(max, mark.length));
					if (cut === text.toWellFormed()) return;
					// A pair that was whole and cut through would show as U+FFFD, and begin nothing.
					expect(text.toWellFormed().startsWith(cut.slice(0, cut.length - mark.length))).toBe(true);
				},
			),
		);
	});

	test("never cuts through what Unicode calls a character", () => {
		const units = fc.constantFrom(
			"a",
			" ",
			"#",
			"\r",
			"\n",
			"\0",
			"e\u0301",
			"👩‍💻",
			"🇨🇭",
			"한",
			"\u0600",
			"\u200d",
		);
		fc.assert(
			fc.property(
				fc.array(units, { minLength: 2, maxLength: 30 }),
				fc.integer({ min: 1, max: 40 }),
				(parts, max) => {
					const text = parts.join("");
					const starts = [...new Intl.Segmenter().segment(text)].map(({ index }) => index);
					expect([...starts, text.length]).toContain(cutText(text, max, "").length);
				},
			),
			{ numRuns: 2_000 },
		);
	});

	test("takes no longer for a longer text", () => {
		const text = "😀".repeat(5_000_000);
		for (let n = 0; n < 10_000; n++) expect(cutText(text, 201)).toHaveLength(201);
	});
});
