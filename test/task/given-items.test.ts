import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareGiven } from "../../src/task/given-items.ts";
import { parsePlan, renderPlan } from "../../src/task/plan.ts";

const read = (...lines: string[]) => parsePlan(lines.join("\n"));

const gone = (given: string[], ...lines: string[]) => compareGiven(given, read(...lines)).gone;

describe("given items", () => {
	test("are kept by plans that begin with their text", () => {
		const given = ["Fix", "- [ ] Fix  tests", "Write\noutput.md"];
		expect(gone(given, "- [x] Fix tests (3 of 3)", "- [ ] Write output.md", "- [x] Fix")).toEqual([]);
		expect(gone(given, "- [x] Fix tests")).toEqual(["Fix", "Write\noutput.md"]);
		expect(gone(["Run it", "Run it"], "- [x] Run it")).toEqual(["Run it"]);
		expect(gone(["", "  "])).toEqual([]);
	});

	test.each([
		["bold", "- [x] **Read the login code**", []],
		["struck out", "- [x] ~~Read the login code~~", []],
		["numbered", "- [x] 1. Read the login code", []],
		["in other case", "- [x] READ THE LOGIN CODE", []],
		["with a sign", "- [x] ✅ Read the login code", []],
		["with other punctuation", "- [x] Read the “login” code： done", []],
		["as code", "- [x] Read the `login` code", []],
		["with a result in it", "- [x] Login code read: 3 files", ["Read the login code"]],
		["in another tense", "- [x] I have read all of the login code", ["Read the login code"]],
	])("are kept when they are ticked %s", (_name, line, reworded) => {
		const kept = compareGiven(
			["Read the login code", "Run tests"],
			read(line, "- [x] Run tests", "- [x] More"),
		);
		expect(kept).toEqual({ gone: [], reworded });
	});

	test("are kept at their place among the others, and removed ones are gone", () => {
		const given = ["ログインのコードを読む", "Run tests", "Write docs"];
		const translated = read("- [x] Looked at it", "- [x] Run tests", "- [x] Write docs");
		expect(compareGiven(given, translated)).toEqual({ gone: [], reworded: [given[0]] });
		expect(gone(given, "- [x] Run tests", "- [x] Write docs")).toEqual([given[0]]);
		expect(gone(given, "- [x] ログインコードを読んだ", "- [x] Write docs", "- [x] Tests", "- [x] x")).toEqual(
			["Run tests"],
		);
		expect(gone(given, "- [x] Easier", "- [x] Simple", "- [x] Nothing")).toEqual(given);
	});

	test("are in the plan that is made of them", () => {
		expect(renderPlan("a\nb", ["one", "* [x] two"])).toBe("# a b\n\n- [ ] one\n- [ ] two\n");
		expect(renderPlan("only-title", [])).toBe("# only-title\n");
		fc.assert(
			fc.property(fc.array(fc.string({ unit: "binary", maxLength: 1_200 }), { maxLength: 20 }), (given) => {
				const plan = parsePlan(renderPlan("t", given));
				expect(compareGiven(given, plan)).toEqual({ gone: [], reworded: [] });
				expect(plan.items.every(({ marker }) => marker === " ")).toBe(true);
			}),
		);
	});
});
