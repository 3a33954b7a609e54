import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareGiven, contradictions } from "../../src/task/given-items.ts";
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

	test.each([
		[
			["Write the tests", "Fix the bug"],
			["Tests written", "Bug fixed"],
		],
		[
			["Write the tests", "Fix the bug"],
			["Fixed the bug in login", "Wrote the tests", "Cleaned up"],
		],
		[
			["Tests schreiben", "Fehler beheben"],
			["Write tests", "Fix error"],
		],
		[["Implement login and logout"], ["Implement login", "Implement logout"]],
		[["Update the docs"], ["Updating docs: README"]],
		[["Escribir las pruebas"], ["Pruebas escritas"]],
	])("%j are reworded, not gone, in %j", (given, texts) => {
		const kept = compareGiven(given, read(...texts.map((text) => `- [x] ${text}`)));
		expect(kept).toEqual({ gone: [], reworded: given });
	});

	test.each([
		[["Fix bug 1", "Fix bug 2", "Fix bug 3"], ["Fix bug 1", "Fix bug 3"], ["Fix bug 2"]],
		[["Refactor A", "Refactor B"], ["Refactor B", "Refactor C"], ["Refactor A"]],
		[["Add auth", "Add auth tests"], ["Add auth tests"], ["Add auth"]],
		[["Delete the table", "Add an index"], ["Add an index", "Look around"], ["Delete the table"]],
		[["one", "two", "three"], ["all of it"], ["one", "two", "three"]],
	])("%j: in %j %j are gone", (given, texts, expected) => {
		expect(gone(given, ...texts.map((text) => `- [x] ${text}`))).toEqual(expected);
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

const UNFINISHED = [
	..."not done|not yet tested|skipped|skipped: no network|deferred to a follow-up|partially done|TODO: tests|WIP|blocked|blocked by infra|FAILED|pending|in progress|still failing".split(
		"|",
	),
	..."nicht erledigt|teilweise|offen|noch offen|pas fait|en cours|à faire|no hecho|pendiente|sin hacer|未完成|未完了|进行中|部分完成|一部のみ|не сделано|частично".split(
		"|",
	),
];

describe("ticked items that say that they are not done", () => {
	test.each(UNFINISHED)("%j", (state) => {
		for (const text of [
			`b (${state})`,
			`b（${state}）`,
			`b — ${state}`,
			`**b** - *${state}*`,
			`b [${state}].`,
		]) {
			const plan = read("- [x] a", `- [x] ${text}`);
			expect(contradictions(["a", "b"], plan).map(({ item }) => item)).toEqual([plan.items[1]]);
			expect(contradictions([text], plan)).toEqual([]);
		}
	});

	test.each(["⏳", "🚧", "❌"])("with a %s behind them", (sign) => {
		expect(contradictions([], read(`- [x] b ${sign}`, `- [x] b ${sign}\ufe0f`))).toHaveLength(2);
	});

	test.each([
		"b (done)",
		"b — done: 3 files",
		"b (3 files, 2 tests)",
		"Check whether CI is needed — no",
		"TODO: b",
		"~~b~~ ✅",
		"Fix the failed tests",
		"Handle `(pending)`",
		"b - 0 failed",
		"b (now in src/open)",
		"b 🚀",
		"b (later versions too)",
		"b (see failed.log)",
		"Fix login — failed logins are logged",
		"b (blocked users cannot log in)",
		"b — partial refunds are supported",
		"b (pending migrations applied)",
		"b (todo list)",
		"b — noch schneller",
		"b（部分用户）",
		"b (incomplete input is refused)",
	])("%j does not say so", (text) => {
		expect(contradictions([], read(`- [x] ${text}`))).toEqual([]);
	});
});
