/** What stands around the items of a plan: notes, sections, legends, tables of other things, fences. */
import { expect, test } from "vitest";
import { parsePlan } from "../../src/task/plan.ts";

const read = (...lines: string[]) => parsePlan(lines.join("\n"));

/** Below an item that is ticked. */
const NOT_DONE_BELOW: readonly string[] = [
	"- [ ] b",
	"1. [ ] b",
	"- ⏳ b",
	"- 🚧 b",
	"- 🔄 b",
	"- TODO: b",
	"TODO: b",
	"> - [ ] b",
];

/** Nobody takes these for items that are open: a plan that is done stays done beside them. */
const HARMLESS: readonly string[] = [
	"## TODO\n- [x] b",
	"## Remaining\n- None",
	"## Remaining\n\nNothing.",
	"## Open questions\n\nNone.",
	"## Not in scope\n- b",
	"## Non-goals\n- b",
	"## Next steps\n- b",
	"## Testing\n- ran npm test",
	"## Notes\n\n- ⚠️ The old API is deprecated",
	"## Legend\n- [ ] open\n- [x] done\n- [?] question, below the item",
	"Legend:\n- [ ] open\n- [x] done",
	"`[ ]` = open, `[x]` = done",
	"- ⏳ pending\n- ✅ done",
	"✅ done\n⏳ pending",
	"✅ All done!",
	"❗ Note",
	"- TODO: none",
	"- [x] b\n  TODO: none",
	"| 任务 | 状态 |\n|--|--|\n| b | 完成 |",
	"Open questions:\n- b",
	"- Open: –",
	"- Blocked: no",
	"## Summary\n- Passed: 12\n- Failed: 0\n- Skipped: 1",
	"| Task | Status |\n|--|--|\n| b | 100% |",
	"| Task | Status |\n|--|--|\n| b | done |\n| c | ✅ Completed |\n| d | Complete |\n| e | Fertig |\n| f | merged |",
	"| Task | Done? |\n|--|--|\n| b | yes |\n| c | x |\n| d | ✓ |",
	"| Library | Fits |\n|--|--|\n| b | yes |\n| c | no |",
	"## Remaining\n- ~~b~~ done",
	"| File | Change |\n|--|--|\n| a.ts | new |",
];

/** What is listed below them is open. */
const OPEN_SECTIONS =
	"Remaining|TODO|To do|Not done yet|Open items|Remaining work|In progress|Offen|Offene Punkte|Reste à faire|Pendiente|未完了|待办|Осталось|**Blocked**";

test.each(NOT_DONE_BELOW.map((line) => [line]))("%j below a ticked item is not done", (line) => {
	expect(read("- [x] a", `  ${line}`, "- [x] c").items.map(({ marker }) => marker)).toEqual(["x", " ", "x"]);
});

test.each(HARMLESS.map((text) => [text]))("%j blocks no plan that is done", (text) => {
	for (const plan of [`# Plan\n\n- [x] a\n\n${text}\n`, `${text}\n\n## Next\n\n- [x] a\n`]) {
		const { items } = parsePlan(plan);
		expect(items.map(({ marker }) => marker).filter((marker) => marker !== "x")).toEqual([]);
		expect(items.length).toBeGreaterThan(0);
	}
});

test("what stands in a legend and is no name of a state is an item", () => {
	expect(read("Legend:", "- [ ] open", "", "- [ ] b", "- [x] a").items).toHaveLength(2);
});

test.each(OPEN_SECTIONS.split("|"))("a bullet below the heading %j is not done", (heading) => {
	for (const list of ["- b", "1. b\n2. c", "* b\n\n  more"]) {
		const { items } = parsePlan(`- [x] a\n\n## ${heading}\n\n${list}\n\n## Notes\n\n- d\n`);
		expect(items.map(({ marker }) => marker)).toContain(" ");
		expect(items.map(({ text }) => text)).not.toContain("d");
	}
});

test.each(["```", "```markdown", "~~~md"])("a plan that stands whole in a fence %j is read", (fence) => {
	const end = fence.slice(0, 3);
	expect(read("", fence, "# Plan", "- [x] a", "- [ ] b", end).items).toHaveLength(2);
	expect(read(fence, "# Plan", "- [x] a", end, "- [x] c").items).toHaveLength(2);
	expect(read("# Plan", "- [x] a", "", "sample", "", fence, "- [ ] b", end).items).toHaveLength(1);
});
