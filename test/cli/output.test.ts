import { expect, test } from "vitest";
import { namesPlainCommand } from "../../src/cli/program/groups.ts";
import { oneLine, plain } from "../../src/cli/show/output.ts";
import { similar } from "../../src/task/similar.ts";

test("foreign text cannot drive the terminal", () => {
	const nasty =
		"\x1b[31mred\x1b[0m \x1b]0;title\x07 a\rb \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \u202eevil\x00\x9b2J\ttab\r\nnext";
	const shown = plain(nasty);
	expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
	expect(shown).toContain("red");
	expect(shown).toContain("link");
	expect(shown).toMatch(/\ttab\nnext$/);
	expect(oneLine(" a\n\n b\tc ")).toBe("a b c");
	expect(oneLine("abcdef", 4)).toBe("abc…");
});

test("a slip of the fingers finds its name, other words find none", () => {
	const names = ["enqueue", "status", "answer", "logs"];
	expect(similar("enqeue", names)).toBe("enqueue");
	expect(similar("statsu", names)).toBe("status");
	expect(similar("log", names)).toBe("logs");
	expect(similar("deploy", names)).toBeNull();
	expect(similar("", names)).toBeNull();
});

test.each([
	["Answer with: dispatch answer job", true],
	["A worker serves it: `dispatch down --redis redis://h:1`", false],
	["`dispatch down --redis redis://h:1` ends it, `dispatch status` shows it", true],
	["`dispatch retry ID --here --redis local` goes on.\ndispatch ls", true],
	["The project dispatch.", false],
	["Without any of them dispatch starts its own.", false],
])("a command that says which Redis it is for needs no other word about it: %j", (text, isPlain) => {
	expect(namesPlainCommand(text)).toBe(isPlain);
});
