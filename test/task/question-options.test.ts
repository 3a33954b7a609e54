/** The choices at the end of a question. */
import { expect, test } from "vitest";
import { optionsOf } from "../../src/task/question-options.ts";

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `${n + 1}. option ${n + 1}`);

test("a list from 1 at the end is its options, up to 99 of them, and no other list is", () => {
	for (const count of [2, 99]) {
		const { lead, options } = optionsOf(["Which?", "", "Options:", ...numbered(count)].join("\r\n"));
		expect(lead).toBe("Which?");
		expect(options).toEqual(Array.from({ length: count }, (_, n) => `option ${n + 1}`));
	}
	expect(optionsOf(numbered(2).join("\n"))).toEqual({ lead: "", options: ["option 1", "option 2"] });
	for (const lines of [
		numbered(1),
		numbered(100),
		["0. x", ...numbered(2)],
		["1. x", "3. y"],
		["2. y", "1. x"],
	])
		expect(optionsOf(lines.join("\n"))).toEqual({ lead: lines.join("\n"), options: [] });
});

/** Read line by line into the front of a list, this took minutes. */
test("a text of a million lines that look like options is read no further than options go", () => {
	const text = "7. x\n".repeat(1_000_000);
	expect(optionsOf(text).options).toEqual([]);
});
