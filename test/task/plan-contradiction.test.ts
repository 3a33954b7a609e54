import { describe, expect, test } from "vitest";
import { contradictions } from "../../src/task/given-items.ts";
import { parsePlan } from "../../src/task/plan.ts";

const said = (text: string) => contradictions([], parsePlan(`- [x] ${text}\n`)).map((one) => one.said);

const BEFORE = [
	..."WIP|In progress|Not done|Not yet tested|Blocked|FAILED|Skipped|Deferred|On hold|Partially done|Dropped".split(
		"|",
	),
	..."In Arbeit|Offen|Noch nicht erledigt|Nicht getestet|À faire|En cours|En attente|Pas fini|Pendiente|Sin terminar".split(
		"|",
	),
	..."未完了|未完成|进行中|作業中|対応中|待处理|保留|не сделано|в работе".split("|"),
];
const BEHIND = [
	..."not done|not yet|still failing|could not be done|couldn't run|can't be tested here|was not possible".split(
		"|",
	),
	..."unable to run it|won't do|mostly done|80% done|needs review|stub only|follow-up needed".split("|"),
	..."noch nicht fertig|nicht getestet|pas terminé|non terminé|reste à faire|sin terminar|aún no".split("|"),
	..."还没完成|未通过|暂缓|まだ|途中|未実施|ещё не готово".split("|"),
	..."later|tomorrow|später|plus tard|más tarde|以后|後で".split("|"),
];

describe("a ticked item that says before its text that it is not done", () => {
	test.each(BEFORE)("%j", (state) => {
		for (const text of [`${state}: a`, `${state}：a`, `[${state}] a`, `(${state}) a`, `【${state}】a`])
			expect(said(text), text).toEqual([state]);
		expect(said(`**${state}:** a`)).toEqual([state]);
		expect(contradictions([`${state}: a`], parsePlan(`- [x] ${state}: a\n`))).toEqual([]);
	});

	test.each(["🚧", "⏳", "❌"])("%s", (sign) => expect(said(`${sign} a`)).toEqual([sign]));
});

describe("a ticked item that says behind its text that it is not done", () => {
	test.each(BEHIND)("%j", (state) => {
		for (const text of [
			`a (${state})`,
			`a — ${state}`,
			`a -> ${state}`,
			`a → ${state}`,
			`a <!-- ${state} -->`,
		])
			expect(said(text), text).toEqual([state]);
	});

	test.each([
		"a, not done",
		"a: not done yet",
		"a; still failing",
		"a. Not done.",
		"a ... not yet",
		"a: pending",
		"テストを書く：未完了",
		"a → skipped: no network",
		"a => blocked",
		"a ⚠️ not done",
		"a #todo",
		"a // TODO",
		"~~a~~ dropped",
	])("%j", (text) => expect(said(text)).toHaveLength(1));
});

test.each([
	"TODO: b",
	"Fix TODO comments",
	"Blocked users page",
	"In progress state in UI",
	"Offene Fragen beantwortet",
	"En attente de paiement : statut ajouté",
	"处理未完成订单",
	"未完了タスクの一覧を作る",
	"a (was blocked by b, now done)",
	"a (tests pass, 3 skipped)",
	"a (no failures)",
	"Name — cannot be empty",
	"Part of speech tagger",
	"Still image export",
	"Not-null constraint",
	"Add the states open, pending",
	"Raise coverage (80%)",
	"Split the module (1/3)",
	"🔄 Refactor parser",
	"~~a~~",
	"Rename `open` → `pending`",
])("%j is no contradiction of its tick", (text) => expect(said(text)).toEqual([]));

const markers = (text: string) => parsePlan(text).items.map(({ marker }) => marker);

describe("a number without a box", () => {
	test.each([
		"1. [x] a\n2. b",
		"1. ✅ a\n2. b\n",
		"1. b\n2. [x] a",
		"1. [x] a\n2. b\n3. [x] c",
		"1) [x] a\n2) b",
	])("%j is the next item", (text) => expect(markers(text)).toContain(" "));

	test.each([
		"1. [x] a\n2. b ✅",
		"1. [x] a\n2. b (done)",
		"1. [x] a\n2. ~~b~~",
		"- [x] a\n  1. b\n  2. c",
		"1. [x] a\n\n## Notes\n2. b",
		"1. Read the code\n2. Ask\n\n- [x] a",
	])("%j is none, or done", (text) => expect(markers(text)).not.toContain(" "));
});

test.each([
	"En attente : b",
	"Ausstehend: b",
	"待处理：b",
	"未対応：b",
	"処理待ち: b",
	"**Pending** b",
	"b（待办）",
])("a bullet %j among boxes is open", (text) => expect(markers(`- [x] a\n- ${text}`)).toContain(" "));

test.each(["Noch zu tun", "残作業", "待完成", "还需要做", "Por hacer (2)", "Remaining (1)"])(
	"what is listed below %j is open",
	(heading) => expect(markers(`- [x] a\n\n## ${heading}\n- b`)).toContain(" "),
);
