import { expect, test } from "vitest";
import { activityText } from "../../src/backends/text.ts";
import { bounded } from "../../src/mcp/bounded.ts";
import { cleanText, oneLine, plain } from "../../src/task/clean-text.ts";
import { oneLine as quoted } from "../../src/task/outcome/text.ts";
import { rememberSecret } from "../../src/task/secrets.ts";

const SECRET = "correct-horse-battery-staple";
rememberSecret("MY_API_KEY", SECRET);

test.each([
	["in the middle", "a correct-horse-\x1b[1mbattery-staple b", "a [MY_API_KEY] b"],
	["an operating system command", "correct-\x1b]0;title\x07horse-battery-staple", "[MY_API_KEY]"],
	["a control character", "correct-horse\x00-battery-\u202estaple", "[MY_API_KEY]"],
])("a secret with an escape sequence in it is named: %s", (_, text, shown) => {
	expect(cleanText(text)).toBe(shown);
	expect(oneLine(text)).toBe(shown);
});

test.each([
	["a line", oneLine],
	["what an agent does", (text: string, limit: number) => activityText(text.slice(0, limit * 4), null)],
	["what an agent said", (text: string) => quoted(text)],
])("no cut shows a piece of a secret: %s", (_, cut) => {
	for (let before = 170; before <= 200; before++)
		expect(cut(`${"x".repeat(before)} ${SECRET}`, 200)).not.toMatch(/corr|stap/);
});

test("a line is cut behind a word, with its mark inside the limit; within one where that would leave little", () => {
	const words = "Several words, that stand behind each other. ".repeat(5).trim();
	const begins = words.split(" ").map((_, n, all) => all.slice(0, n + 1).join(" "));
	for (let limit = 50; limit < words.length; limit++) {
		const cut = oneLine(words, limit);
		expect(cut.length).toBeLessThanOrEqual(limit);
		const kept = cut.slice(0, -1);
		expect([cut, begins.some((each) => each === kept || each === `${kept},`)]).toEqual([cut, true]);
	}
	expect(oneLine(words, words.length)).toBe(words);
	expect(oneLine(`a ${"x".repeat(50)}`, 20)).toBe(`a ${"x".repeat(17)}…`);
	expect(oneLine("漢".repeat(50), 20)).toBe(`${"漢".repeat(19)}…`);
});

test("what an agent said is cleaned before it is cut", () => {
	for (let before = 1_980; before <= 2_000; before++)
		expect(quoted(`${"\u001b[1m".repeat(before / 4)}${" ".repeat(before % 4)}${SECRET}`)).not.toMatch(
			/corr|stap/,
		);
});

test("no cut of a tool's result shows a piece of a secret", () => {
	const long = `${"x".repeat(19_990)}${SECRET}${"y".repeat(60_000)}`;
	expect(JSON.stringify(bounded({ long }))).not.toContain("corr");
});

test("what is typed stays as it is", () => expect(plain(SECRET)).toBe(SECRET));
