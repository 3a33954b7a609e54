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
	..."still fails|tests still fail|skipping for now|to be done|untested|needs human help|out of time|ran out of budget".split(
		"|",
	),
	..."left for follow-up|left as an exercise|will do later|only the first half|mock only|waiting for credentials".split(
		"|",
	),
	..."blocked on review|pendiente de revisión|2 of 5 done|3/7 files done|2 von 5 fertig".split("|"),
	..."konnte nicht getestet werden|ungetestet|fehlt noch|impossible à tester|à vérifier|abandonné".split("|"),
	..."no se pudo probar|omitido|sin verificar|无法完成|暂未实现|未验证|已跳过|待确认".split("|"),
	..."未検証|できなかった|スキップした|保留中|後日対応|要確認".split("|"),
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
		"a @blocked",
		"a, but tests still fail",
		"a – aber noch nicht getestet",
		"Could not a",
		"Didn't a",
		"Unable to a",
		"Failed to a",
		"Skipped a because there is no network",
		"Konnte a nicht ausführen",
		"Impossible de a",
		"No se pudo a",
		"未做 a",
		"a できなかった",
		"a (awaiting VPN)",
		"a — waiting for sign-off",
		"a (requires your credentials)",
		"a — you need to do this manually",
		"a (only on Linux; macOS untested)",
		"a — require Docker, not available here",
		"a (attempted, failed)",
		"a: tried but gave up",
		"a (3 of 12 failing)",
		"a (2 tests red)",
		"a (FIXME: flaky)",
		"a (numbers still missing)",
		"a (written but not run)",
		"a (faltan los permisos)",
		"a (queda pendiente)",
		"a (da completare)",
		"a (ainda não feito)",
		"a (jeszcze nie zrobione)",
		"a (nog niet gedaan)",
		"a (падают)",
		"a (아직 안 함)",
		"a (권한이 없어서 못 했음)",
		"a（権限がないため未実行）",
		"a（没有权限，未执行）",
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
	"Split the module (5 of 5 done)",
	"Pages (2 of 5)",
	"Fix the failing login (could be slow)",
	"Skipped tests are listed",
	"Send a reminder to users who are awaiting approval",
	"修复无法登录的问题",
	"未使用の変数を削除",
	"Nicht gefundene Dateien melden",
	"Mention @blocked-users in the docs",
	"Show message — you need to log in first",
	"Document limits; untested paths removed",
	"a (3 tests added, 0 failed)",
	"Fix 3 failing tests",
	"Order status: awaiting payment",
	"Falta de memoria: corregida",
	"미사용 코드 제거",
	"アクセスできませんの文言を追加",
	"処理未読（未使用）",
	"Тесты: падения исправлены",
])("%j is no contradiction of its tick", (text) => expect(said(text)).toEqual([]));

describe("a note below a ticked item", () => {
	const below = (note: string) =>
		contradictions([], parsePlan(`- [x] a\n  ${note}\n`)).map((one) => one.said);

	test.each([
		"Status: not done",
		"**Status:** blocked",
		"Stand: noch offen",
		"状态：未完成",
		"**blocked**: no key",
	])("that says %j is heard", (note) => expect(below(note)).toHaveLength(1));

	test.each([
		"Status: done",
		"Status: none pending",
		"Blocked: none",
		"Blocked: 0",
		"blocked users are listed",
	])("%j says nothing of the kind", (note) => expect(below(note)).toEqual([]));
});

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

test.each([
	"Noch zu tun",
	"残作業",
	"待完成",
	"还需要做",
	"Por hacer (2)",
	"Remaining (1)",
	"Verbleibend",
	"À terminer",
	"Tareas pendientes",
	"未完成项",
	"剩余任务",
	"残課題",
	"残っている作業",
	"What’s left",
	"Left to do",
	"Unresolved",
	"Todo list",
])("what is listed below %j is open", (heading) =>
	expect(markers(`- [x] a\n\n## ${heading}\n- b`)).toContain(" "),
);

test.each(["Remaining:", "**Remaining work:**", "Offen:", "残り："])(
	"what is listed below the line %j, right behind the items, is open",
	(line) => {
		for (const list of [`${line}\n- b`, `${line}\n\n- b`])
			expect(markers(`- [x] a\n${list}`)).toEqual(["x", " "]);
	},
);
