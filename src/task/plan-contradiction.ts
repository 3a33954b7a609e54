/** Ticked items whose own words say that they are not done: "- [x] WIP: parser", "- [x] Tests (not run)". */
import { FAILED_GLYPH, LAST_SIGN, OPEN_GLYPH, PENDING_GLYPH, wordsIn } from "./plan-state.ts";

/** Whatever follows: "not done", "partially", "noch offen", "未完成". */
const NOT_DONE =
	"(?:not|never) (?:yet )?(?:done|started|finished|implemented|complete|completed|tested|fixed|possible|run|verified)|not yet" +
	"|part(?:ly|ially)|half[ -]|(?:mostly|almost|nearly|(?!100)\\d{1,3} ?%) (?:done|finished|complete|fertig|erledigt|fait|hecho)" +
	"|still (?:open|to|failing|missing|broken)|(?:could|was|were|did) ?n[o'’]t (?:be |get )?(?:\\p{L}{2,12})|unable to|won['’]?t (?:do|fix)" +
	"|(?:can ?not|can['’]t) be (?:done|tested|fixed|run|finished|verified)|needs? (?:review|tests?|testing|work|more|follow)|follow[ -]?up needed|stub(?:bed)? only" +
	"|noch (?:nicht|offen|zu|ausstehend)|nicht (?:erledigt|fertig|gemacht|möglich|getestet|begonnen)|teilweise" +
	"|(?:pas|non) (?:encore|fait|terminée?|finie?|testée?|commencée?|possible)|reste à|no (?:hecho|terminad[oa]|probad[oa])|(?:aún|todavía) no|sin (?:hacer|terminar|acabar|probar|empezar)" +
	"|non (?:fatto|finito)|não (?:feito|concluído)|не (?:сделано|готово|выполнено|закончено)|ещё не|частично" +
	"|未完|未着手|未(?:做|通过|实施|実施|対応|开始|開始|测试|テスト|実装|实现|解决|解決|处理|処理)(?![的の])|没做|没有完成|还没|尚未|部分(?:完成|实现)|一部のみ|まだ|できず|できません";
/** Where it is not said of something: "(skipped: no network)", "(blocked by infra)", but "(blocked users)". */
const STATE =
	"unfinished|incomplete|wip|tbd|in progress|pending|skipped|deferred|postponed|blocked|failed|partial|on hold|dropped|abandoned|cancell?ed" +
	"|unerledigt|übersprungen|zurückgestellt|verschoben|in arbeit|in bearbeitung|ausstehend|blockiert|fehlgeschlagen" +
	"|à faire|en cours|en attente|partiel|reporté|bloqué|échoué|pendiente|en curso|en espera|parcial|por hacer|bloqueado|falta|da fare|in corso|a fazer|pendente" +
	"|отложено|в работе|заблокировано|待办|待辦|待处理|待完成|进行中|進行中|作業中|対応中|途中|保留|処理待ち|暂缓|暂停|在做|スキップ|跳过|阻塞|失败|失敗";
/** What names a thing as often as a state where it stands before it: "Open: the dialog", "TODO: b" */
const STATE_BEHIND = `${STATE}|to-?do|remaining|offen|later(?: on)?|tomorrow|next time|später|plus tard|más (?:tarde|adelante)|più tardi|mais tarde|позже|以后|稍后|後で|あとで`;

const SAYS_NOT_DONE = new RegExp(`^(?:${NOT_DONE})`, "iu");
const STATE_OF_ITS_OWN = new RegExp(
	`^(?:${STATE_BEHIND})(?:$|\\s*[:：;,.，、–—-]|\\s(?:by|for|due|because|until|to|as|since|review|wegen|bis|auf|par|por|hasta)(?:\\s|$))`,
	"iu",
);
const BARE_STATE = new RegExp(`^(?:${STATE_BEHIND})$`, "iu");
/** "WIP: a", "[WIP] a", "**Blocked** a", "Skipped – a" */
const LABEL = new RegExp(
	`^[\\s~]*(?:[*_]{0,3}((?:${NOT_DONE})[^:：()[\\]*_]{0,24}?|${STATE}|offen)[*_]{0,3}\\s?(?:[:：]|\\s[–—-]\\s)|[([][*_]{0,3}((?:${NOT_DONE})[^()[\\]]{0,24}?|${STATE}|to-?do|offen)[*_]{0,3}[)\\]]|[*_]{1,3}(${NOT_DONE}|${STATE})[*_]{1,3}(?=\\s))`,
	"iu",
);
const SIGNS = [PENDING_GLYPH, OPEN_GLYPH, FAILED_GLYPH];
/** Before a text it stands for "refactor" or "sync" as well. */
const DECORATION = "🔄";
const CODE = /`[^`]*`/g;
const FIRST_SIGN = /^[\s*_~]*(\S)/u;

/**
 * What a text says of its own state and contradicts a tick, before or behind what is to be done: "WIP: …",
 * "🚧 …", "… (not done)", "… — skipped: no network", "… → blocked", "… ⏳".
 * @returns its words as they stand there; null: nothing
 */
export function contradictionIn(text: string): string | null {
	const shown = text
		.replaceAll(/[（【［]/g, "(")
		.replaceAll(/[）】］]/g, ")")
		.replace(CODE, "");
	return saidBefore(shown) ?? saidBehind(shown) ?? signAround(shown);
}

function saidBefore(text: string): string | null {
	const [, label, bracketed, stressed] = LABEL.exec(text) ?? [];
	return (label ?? bracketed ?? stressed)?.trim() ?? null;
}

function saidBehind(text: string): string | null {
	const apart =
		/[([]\s*([^()[\]]{1,200})[)\]][\s.*_~]*$/u.exec(text)?.[1] ??
		/(?:^|\s)(?:[–—]|--?|->|=>|[→⇒⚠]\ufe0f?)\s+([^–—→⇒⚠]{1,200})$/u.exec(text)?.[1] ??
		/(?:<!--\s*|(?:\s|^)\/\/\s?|\s#|~~\s+)([^<>#~]{1,60}?)(?:\s*-->)?$/u.exec(text)?.[1];
	if (apart !== undefined && saysSo(apart, STATE_OF_ITS_OWN)) return apart.trim();
	const ending = /(?:[,;，；。]|[.…](?=\s)|[:：])\s*([^,;:.，；：。…]{1,60})[\s.。!]*$/u.exec(text);
	const said = ending?.[1];
	// A list of states ends in one: behind a comma it must be a phrase.
	const bare = ending !== null && /^[:：]/.test(ending[0]) ? BARE_STATE : null;
	return said !== undefined && saysSo(said, bare) ? said.trim() : null;
}

function saysSo(said: string, state: RegExp | null): boolean {
	const words = wordsIn(said);
	return SAYS_NOT_DONE.test(words) || state?.test(words) === true;
}

function signAround(text: string): string | null {
	const first = FIRST_SIGN.exec(text)?.[1] ?? "";
	const around = [first === DECORATION ? "" : first, LAST_SIGN.exec(text)?.[1] ?? ""];
	return around.find((sign) => SIGNS.some((glyph) => glyph.test(sign))) ?? null;
}
