/** The command that a wait names at Ctrl-C is there to be copied: a shell reads the very words that were given. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { againOf, againOfBatch } from "../../src/cli/commands/wait.ts";
import { nothingLeft } from "../../src/cli/show/wait-ends.ts";

const GIVEN = [
	"crowd",
	"my key; rm -rf x",
	"a'b",
	"$(date)",
	"-x",
	"--failed",
	"a/c u r",
	"`id`",
	'"',
	"*",
	"é\\",
];

/** @returns the words that a shell makes of it, without the program's name */
function wordsOf(command: string): string[] {
	const line = command.replace(/^dispatch /, "");
	return execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" })
		.trimEnd()
		.split("\n");
}

test.each(GIVEN)("a batch by the key %j, and a file of a cursor of that name, are one word each", (given) => {
	const dash = given.startsWith("-");
	expect(wordsOf(againOfBatch(given))).toEqual(["batch", "wait", ...(dash ? ["--"] : []), given]);
	const cursor = dash ? [`--cursor=${given}`] : ["--cursor", given];
	expect(wordsOf(againOf(["t-1"], { cursor: given }))).toEqual(["wait", "t-1", ...cursor]);
	const [, hint = ""] = /: (dispatch wait .*)$/.exec(nothingLeft(["t-1"], given).hint ?? "") ?? [];
	expect(wordsOf(hint)).toEqual(["wait", "--any", ...cursor]);
});

test("what needs no quotes has none", () => {
	expect(againOfBatch("crowd")).toBe("dispatch batch wait crowd");
	expect(againOf(["t-1"], { cursor: "seen" })).toBe("dispatch wait t-1 --cursor seen");
});
