/** `d` in watch: a page takes a bounded text, whatever an agent has written into its files. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { diffShown } from "../../src/cli/screen/diff-text.ts";

const MOST_CHARS = 1_001_000;
const WHERE = ": dispatch diff job";

test.each<[string, string[], string]>([
	["a line of megabytes", ["+x".repeat(5_000_000)], "Long lines are cut"],
	["many long lines", Array(9_000).fill("+".repeat(100_000)), "8501 more lines"],
	["many short lines", Array(10_001).fill("+x"), "1 more line"],
	["many empty lines", Array(2_000_000).fill(""), "1990000 more lines"],
])("a diff of %s is cut, and says where all of it is", (_, lines, says) => {
	const text = diffShown(lines, "job");
	expect(text.length).toBeLessThan(MOST_CHARS);
	expect(text.split("\n").at(-1)).toBe(says + WHERE);
});

test("what fits is shown as it is", () => {
	fc.assert(
		fc.property(
			fc.array(
				fc.string({ maxLength: 50 }).map((line) => line.replaceAll("\n", "")),
				{ maxLength: 50 },
			),
			(lines) => {
				expect(diffShown(lines, "job")).toBe(lines.join("\n"));
			},
		),
	);
});
