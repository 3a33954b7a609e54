import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countDone, type Plan, parsePlan, renderReadPlan } from "../../src/task/plan.ts";

const inWords = ({ title, items }: Plan) => ({
	title,
	items: items.map((item) => ({ ...item, text: item.text.replace(/^[^\p{L}\p{N}]+/u, "") })),
});
const read = (...lines: string[]) => parsePlan(lines.join("\n"));

test("a plan that was read, written and read again is the same plan, but for signs before its words and what would be read otherwise", () => {
	const line = fc.oneof(
		fc.string({ unit: "binary", maxLength: 30 }),
		fc
			.tuple(fc.constantFrom("- [ ] ", "- [x] ", "* [~] ", "1. [?] ", "  ", "# "), fc.string())
			.map((all) => all.join("")),
		fc
			.array(fc.constantFrom("*", "-", "_", "#", "[", "]", "`", "x", "a", ":", " "), { maxLength: 8 })
			.map((all) => `  ${all.join("")}`),
	);
	fc.assert(
		fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
			const plan = read(...lines);
			const again = parsePlan(renderReadPlan(plan));
			const items = again.items.map((item, n) => ({
				...item,
				note: item.note ?? plan.items[n]?.note ?? null,
			}));
			expect(inWords({ title: again.title ?? plan.title, items })).toEqual(inWords(plan));
		}),
	);
});

test.each([
	["a bullet and the next line", ["  *", "$"]],
	["a rule", ["  *", "  *", "  *"]],
	["a heading", ["    # Other"]],
	["a box on two lines", ["  Step [", "  ]"]],
])("a note that would be read as %s is left out of a plan written again", (_what, below) => {
	const plan = read("- [x] Scan", ...below, "- [ ] Report", "  all of it");
	expect(parsePlan(renderReadPlan(plan)).items).toEqual([
		{ marker: "x", text: "Scan", note: null },
		{ marker: " ", text: "Report", note: "all of it" },
	]);
});

test("a title under which the items would be read as something else is left out of a plan written again", () => {
	const plan = read("- [x] done", "- [ ] Report", "", "# Legend");
	expect(plan).toMatchObject({ title: "Legend", items: [{ text: "done" }, { text: "Report" }] });
	expect(parsePlan(renderReadPlan(plan))).toEqual({ ...plan, title: null });
});

describe("parsePlan", () => {
	test("reads markers, bullets, indentation and CRLF as real plans have them", () => {
		const plan = parsePlan(
			"\uFEFF# Security review\r\n\r\n- [x] Scan for secrets (none found)\r\n* [X] Read auth\r\n  + [ ] Read tests\r\n1. [?] Which one?\r\n\t- [!]\tBroken\r\n",
		);
		expect(plan).toEqual({
			title: "Security review",
			items: [
				{ marker: "x", text: "Scan for secrets (none found)", note: null },
				{ marker: "x", text: "Read auth", note: null },
				{ marker: " ", text: "Read tests", note: null },
				{ marker: "?", text: "Which one?", note: null },
				{ marker: "!", text: "Broken", note: null },
			],
		});
		expect(countDone(plan)).toEqual({ done: 2, total: 5 });
	});

	test.each([
		[
			"the line below, indented or not",
			["- [?] Store", "Which of the two", "  is in use?"],
			"Which of the two is in use?",
		],
		["an indented line after a blank one", ["- [!] Build", "", "  - no compiler"], "no compiler"],
		["not a new paragraph", ["- [x] Done", "", "Notes of my own"], null],
		["not a heading", ["- [x] Done", "## Findings", "text"], null],
		["not a rule or another list", ["- [x] Done", "---", "text"], null],
		["not a bullet without a box", ["- [x] Done", "- remember the milk"], null],
		["not a code block", ["- [!] Fails", "  ```", "  - [ ] not an item", "  ```", "  with E1"], "with E1"],
		[
			"not the dispatcher's note",
			["- [x] Done", "> **Note from dispatcher:** hurry", "> - [ ] please"],
			null,
		],
	])("the note of an item: %s", (_name, lines, note) => {
		expect(read(...lines)).toEqual({ title: null, items: [expect.objectContaining({ note })] });
	});

	test("code blocks hide items; one that an item forgot to close ends with the item", () => {
		const plan = read(
			"# P",
			"~~~md",
			"# no title",
			"- [ ] no item",
			"```",
			"~~~",
			"- [x] one",
			"  ```",
			"  - [ ] log",
			"- [ ] two",
		);
		expect(plan.items.map(({ text }) => text)).toEqual(["one", "two"]);
		expect(plan.title).toBe("P");
	});

	test("links, footnotes, labels, legends in prose and code are no items", () => {
		expect(
			read(
				"- [x](https://example.org)",
				"- [docs](a.md) [x][ref]",
				"- [^1]: see below",
				"[ref]: https://example.org",
				"- [auth] login",
				"- plain bullet",
				"- Return `[ ]` for none",
				"- an empty list [] is fine",
				"Legend: [ ] open, [x] done",
				"[ERROR] cannot open",
				"* * *",
				"**bold** text",
				"## T",
			).items,
		).toEqual([]);
	});

	test("caps items and texts, and drops control characters", () => {
		const plan = parsePlan(Array.from({ length: 1_500 }, (_, n) => `- [ ] item ${n}`).join("\n"));
		expect(plan.items).toHaveLength(1_000);
		const [long] = read(`- [ ] \u001b[31m${"é".repeat(5_000)}`, "n".repeat(5_000)).items;
		expect(long?.text).toMatch(/^\[31mé+…$/);
		expect([long?.text.length, long?.note?.length]).toEqual([1_000, 1_000]);
	});

	test("reads hostile text of 1 MB, the longest that a plan may be", () => {
		const size = 1024 * 1024;
		const hostile = ["-", " ", "- [ ", "- [ ] ", "`", "#", "\r", "\n", "* * ", "> ", "~~~\n", "[x]\u0000"];
		for (const piece of hostile) {
			const { items } = parsePlan(piece.repeat(Math.ceil(size / piece.length)));
			expect(items.length).toBe(piece.includes("[ ") || piece.includes("[x") ? 1 : 0);
		}
	});

	test("never throws", () => {
		const piece = fc.oneof(
			fc.constantFrom("- [ ] a", "- [x]", "\n", "\r\n", "  ", "```", "# ", "> ", "---", "\t"),
			fc.string({ unit: "binary" }),
		);
		fc.assert(
			fc.property(fc.array(piece), (pieces) => {
				for (const item of parsePlan(pieces.join("")).items) expect(item.text).not.toMatch(/[\n\r]/);
			}),
		);
	});
});
