import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePlan } from "../../src/task/plan.ts";

const read = (...lines: string[]) => parsePlan(lines.join("\n"));

/** Each spelling of an item that a person would not call done. */
const NOT_DONE: readonly string[] = [
	"- [ ] b",
	"* [ ] b",
	"+ [ ] b",
	"• [ ] b",
	"– [ ] b",
	"1. [ ] b",
	"12) [ ] b",
	"(3) [ ] b",
	"a) [ ] b",
	"1、[ ] b",
	"- [~] b",
	"- [-] b",
	"- [/] b",
	"- [] b",
	"- [ ]b",
	"- [] b",
	"-[ ] b",
	"[ ] b",
	"- [  ] b",
	"- [\u00a0] b",
	"- [\u3000] b",
	"- [\u200b] b",
	"- [_] b",
	"- [>] b",
	"- [<] b",
	"- [.] b",
	"- [...] b",
	"- [--] b",
	"- [o] b",
	"- [O] b",
	"- [y] b",
	"- [*] b",
	"- [+] b",
	"- [=] b",
	"- [#] b",
	"- [%] b",
	"- [@] b",
	"- […] b",
	"- [•] b",
	"- [>>] b",
	"- **[ ]** b",
	"- *[ ]* b",
	"- `[ ]` b",
	"- ~~[ ] b~~",
	"- __[ ]__ b",
	"- **[ ] b**",
	"**[ ]** b",
	"- \\[ \\] b",
	"- ［　］ b",
	"- 【 】b",
	"- ( ) b",
	"- { } b",
	"- （　） b",
	"- [ b",
	"- [ ]: b",
	"- [ ](b.md)",
	"☐ b",
	"- ☐ b",
	"□ b",
	"- ⬜ b",
	"- ⬜️ b",
	"1. ◻️ b",
	"🔲 b",
	"- ⏳ b",
	"- 🚧 b",
	"- 🔄 b",
	"- ☒ b",
	"- [⏳] b",
	"- [🔄] b",
	"- [☐] b",
	"> - [ ] b",
	"> [ ] b",
	">> 1. [ ] b",
	"  - [ ] b",
	"\t\t- [ ] b",
	"- 1. [ ] b",
	"- - [ ] b",
	"### [ ] b",
	"### 3. [ ] b",
	"##[ ] b",
	"- [todo] b",
	"- [TODO] b",
	"- [WIP] b",
	"- [in progress] b",
	"- [pending] b",
	"- [offen] b",
	"- [à faire] b",
	"- [pendiente] b",
	"- [未完了] b",
	"- [待办] b",
	"- [0/3] b",
	"- [50%] b",
	"- [skipped] b",
	"- [not done] b",
	"- TODO: b",
	"- **TODO:** b",
	"- Offen: b",
	"- À faire : b",
	"- Pendiente: b",
	"- 未完了：b",
	"- 待办：b",
	"- b [ ]",
	"- b ☐",
	"1. Step 2: [ ] b",
	"- Step: **[ ]** b",
	"- [x] a [ ] b",
	"- [x] a ☐ b",
	"- [x] [ ] b",
	"| [ ] | b |",
	"| b | [ ] |",
	"| 2 | b | ☐ |",
	"| b | todo |",
	"| b | In progress |",
	"| b | `[ ]` |",
	"| b | ⏳ |",
	"|[ ] b|x|",
	'<li><input type="checkbox"> b</li>',
	'- <input type="checkbox" disabled> b',
	"<li>[ ] b</li>",
	"- [!] b",
	"- [！] b",
	"- [?] b",
	"- [？] b",
	"- [??] b",
	"- ❌ b",
	"- ✗ b",
	"- [✗] b",
	"- [❌] b",
	"- [failed] b",
	"- [blocked] b",
	"- [失敗] b",
	"- ❓ b",
	"| b | failed |",
	"| b | blocked |",
	"- [ ] Prüfe die Anmeldung",
	"- [ ] vérifier",
	"- [ ] 確認する",
	"- [ ] комната",
	"1.1 [ ] b",
	"１．[ ] b",
	"① [ ] b",
	"一、[ ] b",
	"第一步：[ ] b",
	"手順2：☐ b",
	"Schritt 2 [ ]: b",
	"1.2.3. [ ] b",
	"iv. [ ] b",
	"(ii) [ ] b",
	"#1 [ ] b",
	"Step 1: [ ] b",
	"Task 2 - [ ] b",
	"1 - [ ] b",
	"T1: [ ] b",
	"b [ ]",
	"b: [ ]",
	"b | [ ]",
	"- ○ b",
	"- ⭕ b",
	"- 🔴 b",
	"- 🟨 b",
	"- 🕓 b",
	"- () b",
	"- < > b",
	"- <> b",
	"- (todo) b",
	"－ [ ] b",
	"‐ [ ] b",
	"・[ ] b",
	"∙ [ ] b",
	"-\u200b[ ] b",
	"\u200b- [ ] b",
	"\u202e- [ ] b",
	"- [\u3164] b",
	"- [\u2800] b",
	"- &#91; &#93; b",
	"- &#9744; b",
	"- 「 」 b",
	"- 〖 〗 b",
	"- ❲ ❳ b",
	"<!-- - [ ] b -->",
	"- [x]\u200b[ ] b",
	"- [x] a/[ ] b",
	"- [x] a ([ ] b)",
	"- [x] a,[ ] b",
	..."not started|not yet|unfinished|incomplete|remaining|deferred|on hold|paused|waiting|waiting for CI|TBD|planned|in review"
		.split("|")
		.map((word) => `- [${word}] b`),
	..."almost done|half|needs tests|partially done|no|n/a|cancelled|won't do|blocked by infra|TODO: tests|0|1 of 2|x/2"
		.split("|")
		.map((word) => `- [${word}] b`),
	..."nicht erledigt|unerledigt|ausstehend|pas fait|en attente|sin hacer|da fare|não feito|не сделано|в работе|진행중|未着手|保留|尚未完成|待处理"
		.split("|")
		.map((word) => `- [${word}] b`),
	"| b | ⏳ pending |",
	"| b | In Progress 🚧 |",
	"| b | not yet |",
	"| b | to be done |",
	"b | [ ]\n--- | ---\nb | [ ]",
	"Task | State\n--- | ---\nc | done\nb | todo",
	"Task | State\n:-- | --:\nc | ✅\nb | ⏳",
	"| Task | Done? |\n|---|---|\n| c | x |\n| b |  |",
	"| Task | Done |\n|---|---|\n| c | yes |\n| b | later, perhaps |",
	"<ul><li>[x] c</li><li>[ ] b</li></ul>",
	'<ul><li><input type="checkbox" checked> c</li><li><input type="checkbox"> b</li></ul>',
	"<table><tr><td>c</td><td>[x]</td></tr><tr><td>b</td><td>[ ]</td></tr></table>",
	"<details><summary>[ ] b</summary></details>",
	"✅ c\n⏳ b",
	"✔️ c\n❌ b",
	"○ b\n○ c",
	"🚧 b\n✅ c",
	"- :construction: b",
	"- :x: b",
	":white_large_square: b",
	"TODO: b",
	"WIP: b",
	"- In progress: b",
	"- Not done: b",
	"- Blocked: b",
	"- In Arbeit: b",
	"- En cours : b",
	"- En curso: b",
	"- 未着手：b",
	"- 作業中：b",
	"- Не сделано: b",
	"- [处理中] b",
	"- [要対応] b",
];

/** In a list of boxes, or below a row with a state, a person takes these for items that are not done. */
const NOT_DONE_AMONG_BOXES: readonly string[] = [
	"- [frontend] b",
	"- [some words] b",
	"- TODO b",
	"- **TODO** b",
	"- b (todo)",
	"- b (not done)",
	"- b — pending",
	"- b: not done",
	"- b [open]",
	"- b ⏳",
	"- b ❌",
	"- b (offen)",
	"- ⚠️ b",
	"- 💤 b",
	"○ b",
	"⏳ b",
];

const DONE: readonly string[] = [
	"- [x] b",
	"- [X] b",
	"- [ x ] b",
	"- [x]b",
	"-[x] b",
	"[x] b",
	"• [x] b",
	"1. [x] b",
	"> - [x] b",
	"- **[x]** b",
	"- ~~[x] b~~",
	"- \\[x\\] b",
	"- ［ｘ］ b",
	"- [✓] b",
	"- [✔] b",
	"- [✔️] b",
	"- [✅] b",
	"- [☑] b",
	"☑ b",
	"- ✅ b",
	"- ✔️ b",
	"- [done] b",
	"- [erledigt] b",
	"- [fait] b",
	"- [hecho] b",
	"- [完了] b",
	"- [3/3] b",
	"- [100%] b",
	"### [x] b",
	"| [x] | b |",
	"| b | ✅ |",
	"| b | done |",
	'- <input type="checkbox" checked> b',
	"- b [x]",
];

describe("spellings", () => {
	test.each(NOT_DONE.map((line) => [line]))("%j keeps a plan from being done", (line) => {
		for (const plan of [
			`- [x] a\n${line}`,
			`${line}\n- [x] a`,
			`- [x] a\n\n## Next\n\n${line}\n`,
			`\uFEFF${line}\r\n`,
		]) {
			const { items } = parsePlan(plan);
			expect(items.some(({ marker }) => marker !== "x")).toBe(true);
			expect(items.find(({ marker }) => marker !== "x")?.text).not.toMatch(/^\s/);
		}
	});

	test.each(DONE.map((line) => [line]))("%j is done", (line) => {
		expect(read(line).items).toEqual([{ marker: "x", text: expect.stringContaining("b"), note: null }]);
	});

	test.each(NOT_DONE_AMONG_BOXES.map((line) => [line]))("%j in a list of boxes is not done", (line) => {
		for (const plan of [`- [x] a\n${line}`, `${line}\n- [x] a`, `- [x] a\n  note\n${line}\n- [x] c`]) {
			const { items } = parsePlan(plan);
			expect(items.some(({ marker, text }) => marker === " " && text.includes("b"))).toBe(true);
		}
		// Elsewhere it is a list of other things.
		expect(parsePlan(`- [x] a\n\n## Notes\n\n${line}\n`).items).toHaveLength(1);
	});

	test.each(["", "-", "?!", "soon", "❗", "ask Bob"])("a row whose state is %j is not done", (state) => {
		for (const rows of [
			["| a | done |", `| b | ${state} |`],
			[`| b | ${state} |`, "| a | done |"],
		]) {
			const { items } = read("| Task | State |", "|---|---|", ...rows);
			expect(items.map(({ marker, text }) => [text, marker === "x"]).sort()).toEqual([
				["a", true],
				["b", false],
			]);
		}
		expect(read("| Name | Size |", "|---|---|", `| b | ${state} |`).items).toEqual([]);
	});

	test("an item that is added in any spelling and at any place never leaves a plan done", () => {
		const around = fc.constantFrom(
			"- [x] a",
			"  - note",
			"text",
			"# Title",
			"",
			"> quote",
			"```\nlog\n```",
			"~~~",
			"```",
			"| a | b |",
			"|---|---|",
			"1. [X] c",
			"---",
			"- ✅ d",
		);
		fc.assert(
			fc.property(fc.array(around), fc.constantFrom(...NOT_DONE), fc.array(around), (before, line, after) => {
				// Inside a closed fence it is text, and above a table's rule a name of columns.
				const open = before.join("\n").match(/^(?:```|~~~)$/gm) ?? [];
				fc.pre(open.every((fence) => fence === "```") ? open.length % 2 === 0 : open.length === 0);
				fc.pre(after[0] !== "|---|---|");
				const { items } = parsePlan([...before, line, ...after].join("\n"));
				expect(items.some(({ marker }) => marker !== "x")).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});

	test("text in a closed fence is no item, a fence that nobody closed hides nothing", () => {
		expect(read("- [x] a", "", "text", "", "```", "- [ ] b", "```").items).toHaveLength(1);
		expect(read("# Plan", "```", "- [x] a", "- [ ] b").items).toHaveLength(2);
		expect(read("# Plan", "~~~~", "- [x] a", "```", "- [ ] b", "~~~").items).toHaveLength(2);
	});

	test.each(["\r", "\u2028", "\u2029", "\u0085", "\v", "\f", "\r\n", "\n\r"])(
		"an item behind the line end %j is one of its own",
		(end) => {
			const { items } = parsePlan(["- [x] a", "- [~] b", "- [x] c"].join(end));
			expect(items.map(({ marker }) => marker)).toEqual(["x", " ", "x"]);
		},
	);

	test("a table's head is no item", () => {
		expect(read("| Task | Done |", "|---|:-:|", "| a | [x] |", "| b | [ ] |").items).toEqual([
			{ marker: "x", text: "a", note: null },
			{ marker: " ", text: "b", note: null },
		]);
	});

	test("an open item beyond the cap is counted", () => {
		const many = Array.from({ length: 1_200 }, (_, n) => `- [x] item ${n}`);
		expect(parsePlan(many.join("\n")).items.every(({ marker }) => marker === "x")).toBe(true);
		const last = parsePlan([...many, "- [ ] last"].join("\n")).items.at(-1);
		expect(last).toEqual({ marker: " ", text: "… and more: only 1000 items are shown", note: null });
	});
});
