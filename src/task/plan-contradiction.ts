/** Ticked items whose own words say that they are not done: "- [x] WIP: parser", "- [x] Tests (not run)". */
import {
	FAILED_GLYPH,
	inLowerCase,
	LAST_SIGN,
	OPEN_GLYPH,
	PENDING_GLYPH,
	saysNothing,
	wordsIn,
} from "./plan-state.ts";

/** Whatever follows: "not done", "partially", "noch offen", "未完成". */
const NOT_DONE =
	"(?:not|never) (?:yet )?(?:done|started|finished|implemented|complete|completed|tested|fixed|possible|run|verified)|not yet" +
	"|part(?:ly|ially)|half[ -]|(?:mostly|almost|nearly|(?!100)\\d{1,3} ?%) (?:done|finished|complete|fertig|erledigt|fait|hecho)" +
	"|still (?:open|to|fail(?:s|ing)?|missing|broken)|(?:\\p{L}+ ){1,2}still fail(?:s|ing)?|(?:could|was|were|did) ?n[o'’]t (?:be |get )?(?:\\p{L}{2,12})|unable to|won['’]?t (?:do|fix)" +
	"|(?:can ?not|can['’]t) be (?:done|tested|fixed|run|finished|verified)|needs? (?:review|tests?|testing|work|more|follow|human|manual|your|approval)" +
	"|follow[ -]?up needed|(?:stub(?:bed)?|mock(?:ed|s)?|skeleton|placeholders?) only|only (?:the )?(?:first |second )?(?:half|part(?:ly|ially)?)(?!\\p{L})|skipping|untested(?! \\p{L})|(?:only )?(?:about |the )?(?:first |second )?half(?: only)?$|(?:the )?rest (?:follows|is (?:open|missing|left))" +
	"|(?:a?waiting|waits) (?:(?:for|on) )?(?:the |your |an? )?(?:credentials?|approval|access|review|decision|feedback)" +
	"|(?:ran )?out of (?:time|budget|tokens|context)|no time (?:left|to)|left (?:undone|unfinished|open|(?:for|as) (?:later|an? |another|next|future|follow|exercise|todo))" +
	"|(?:tried|attempted)[,;]? (?:it )?(?:but |and )?(?:failed|gave up)|\\d+ of \\d+ (?:tests? )?fail(?:ing|ed|s)?|(?!0 )\\d+ tests? (?:still )?(?:fail|failing|red)(?!\\p{L})|not (?:available|reachable) (?:here|yet|in this)|fixme|to be (?:done|finished|tested|implemented|fixed|verified|confirmed|continued|decided)|(?:will|to|should|must|can) (?:be )?(?:do|done|finish|finished|fix|fixed|add|added|handle|handled|revisit|address|continue)d?(?: \\p{L}+){0,2} (?:later|next|tomorrow)" +
	"|noch (?:nicht|offen|zu|ausstehend)|nicht (?:erledigt|fertig|gemacht|möglich|getestet|begonnen|geprüft|umgesetzt)|teilweise|konnten? (?:\\p{L}+ ){0,3}nicht|un(?:getestet|geprüft|vollständig)|muss noch|fehlt noch|wartet auf" +
	"|(?:pas|non) (?:encore|fait|terminée?|finie?|testée?|commencée?|possible)|reste à|à (?:vérifier|tester|terminer|finir|compléter|revoir)|impossible (?:à|de) |n['’](?:a|ont) pas pu|no se (?:pudo|pudieron|ha podido)|por (?:probar|terminar|revisar|verificar|completar)|no (?:hecho|terminad[oa]|probad[oa])|(?:aún|todavía) no|sin (?:hacer|terminar|acabar|probar|empezar|verificar|implementar)" +
	"|(?:non|ancora) (?:fatto|finito|da )|da (?:fare|finire|completare|testare|verificare)|(?:ainda (?:não|por)|não (?:foi )?(?:feito|concluído|testado|possível))|quedan? (?:pendientes?|por)|jeszcze nie|nie (?:zrobion|gotow|ukończon|przetestowan)\\p{L}+|do zrobienia|nog (?:niet|te )|niet (?:gedaan|klaar|getest|af)(?!\\p{L})|не (?:сделано|готово|выполнено|закончено)|ещё не|частично|падают|не (?:проверено|запущено|реализовано|проходят)|아직|미(?:완료|구현|실행|완성|검증)|못 ?(?:함|했)|하지 (?:않|못)|안 (?:함|했)" +
	"|未完|未着手|未(?:做|通过|执行|実行|完了|部署|发布|提交|实施|実施|対応|开始|開始|测试|テスト|実装|实现|解决|解決|处理|処理|验证|検証|確認|确认)(?![的の])|(?:暂时)?没做|没有完成|还没|尚未|暂未|未能|无法(?:完成|测试|验证|实现|运行|执行)(?!的)|待(?:确认|测试|验证|实现|补充|修复|审核)(?!的)|部分(?:完成|实现)" +
	"|一部のみ|まだ|できず|できません|できなかった|スキップし(?:た|ました)|保留中|後日|後回し|見送り|要(?:確認|対応|検証)$";
/** Where it is not said of something: "(skipped: no network)", "(blocked by infra)", but "(blocked users)". */
const STATE =
	"unfinished|incomplete|wip|tbd|in progress|pending|skipped|deferred|postponed|blocked|failed|partial|on hold|dropped|abandoned|cancell?ed" +
	"|unerledigt|übersprungen|zurückgestellt|verschoben|in arbeit|in bearbeitung|ausstehend|blockiert|fehlgeschlagen" +
	"|à faire|en cours|en attente|partiel|reporté|bloqué|échoué|abandonnée?|ignorée?|omitid[oa]|pospuest[oa]|aplazad[oa]|pendiente|en curso|en espera|parcial|por hacer|bloqueado|falta|da fare|in corso|a fazer|pendente" +
	"|отложено|в работе|заблокировано|待办|待辦|待处理|待完成|进行中|進行中|作業中|対応中|途中|保留|処理待ち|暂缓|暂停|在做|スキップ|已?跳过|阻塞|失败|失敗";
/** What names a thing as often as a state where it stands before it: "Open: the dialog", "TODO: b" */
const STATE_BEHIND = `${STATE}|to-?do|remaining|offen|later(?: on)?|tomorrow|next time|später|plus tard|más (?:tarde|adelante)|più tardi|mais tarde|позже|以后|稍后|後で|あとで`;

/** Behind an item only: before one it names a thing ("Waiting for payment: status added"). */
const WAITS =
	/^(?:awaiting|waiting (?:for|on)|requires? your|faltan?|attend|you (?:need|have) to (?:do|run|set|provide|approve)) \p{L}/iu;
/** In Japanese, and of a thing that it names first: "権限がないため未実行", "macOS untested". */
const SAID_LAST =
	/(?:未(?:実行|実施|対応|完了|着手|確認|検証|実装|テスト)|できず|できません(?:でした)?|して(?:いません|いない)|(?:못|안) ?했\p{L}*|하지 못\p{L}*)$|\s(?:untested|(?:not|never) (?:yet )?(?:tested|done|verified|run|deployed|merged|finished)|still (?:missing|open|failing|broken)|not (?:available|reachable|possible) (?:from )?here)$/iu;
const PART = /[;,；，、]\s*/u;

// Long ones are asked of lower-case text (`inLowerCase`).
const SAYS_NOT_DONE = new RegExp(`^(?:${NOT_DONE})`, "u");
const STATE_OF_ITS_OWN = new RegExp(
	`^(?:${STATE_BEHIND})(?:$|\\s*[:：;,.，、–—-]|\\s(?:by|on|for|due|because|until|to|as|since|review|de|wegen|bis|auf|par|por|hasta)(?:\\s|$))`,
	"u",
);
const BARE_STATE = new RegExp(`^(?:${STATE_BEHIND})$`, "u");
/** "WIP: a", "[WIP] a", "**Blocked** a", "Skipped – a" */
const LABEL = new RegExp(
	`^[\\s~]*(?:[*_]{0,3}((?:${NOT_DONE})[^:：()[\\]*_]{0,24}?|${STATE}|offen)[*_]{0,3}\\s?(?:[:：]|\\s[–—-]\\s)|[([][*_]{0,3}((?:${NOT_DONE})[^()[\\]]{0,24}?|${STATE}|to-?do|offen)[*_]{0,3}[)\\]]|[*_]{1,3}(${NOT_DONE}|${STATE})[*_]{1,3}(?=\\s))`,
	"du",
);
/** What every label has around it; most items have nothing of the kind, and V8 takes long to make `LABEL`. */
const LIKE_LABEL =
	/^[\s~]*(?:[*_]{0,3}[^:：()[\]*_]{1,200}[*_]{0,3}\s?(?:[:：]|\s[–—-]\s)|[([][^()[\]]{1,200}[)\]]|[*_]{1,3}[^*_]{1,200}[*_]{1,3}\s)/u;
/** No order begins so: "Could not run b", "Skipped b because …", "b できなかった" */
const TOLD =
	/^[\s*_~]*((?:could|did|was|were) ?n[o'’]t\s|unable to\s|failed to\s|skipped\s(?=.{0,200}\s(?:because|since|as|due|for now)(?:\s|$))|konnten?\s(?=.{0,200}\snicht(?:\s|$))|impossible d(?:e\s|['’])|n['’]a pas pu\s|no se (?:pudo|pudieron|ha podido)\s|未(?:做|能)|没能|没有(?:做|完成|测试))|((?:できなかった|できませんでした))[。.\s]*$/iu;
/** "2 of 5 done" */
const SHARE =
	/^(\d{1,6}) ?(?:of|out of|von|sur|de|\/) ?(\d{1,6}) (?:\p{L}+ )?(?:done|completed?|finished|erledigt|fertig|faite?s?|hech[oa]s?)/iu;
/** Below an item: "Status: not done", "**blocked**: no key" */
const NOTE_STATUS =
	/^[\s*_>-]*(?:status|state|stand|état|estado|状态|状態)[*_]{0,3}\s?[:：][*_]{0,3}\s*([^.;。；]{1,80})/iu;
const NOTE_LABEL =
	/^[\s*_>-]*((?:not (?:yet )?(?:done|started|finished|implemented|tested)|blocked|blockiert|bloqu[ée]|bloqueado)[*_]{0,3})\s?[:：](?=.*\p{L})/iu;
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
	return saidBefore(shown) ?? saidBehind(shown) ?? told(shown) ?? signAround(shown);
}

/** What a note below a ticked item says of its state: "Status: not done". @returns null: nothing */
export function contradictionBelow(note: string): string | null {
	const status = NOTE_STATUS.exec(note)?.[1];
	if (status !== undefined) return saysSo(status, STATE_OF_ITS_OWN) ? status.trim() : null;
	return saysNothing(note) ? null : (NOTE_LABEL.exec(note)?.[1] ?? null);
}

function told(text: string): string | null {
	const [, first, last] = TOLD.exec(text) ?? [];
	return (first ?? last)?.trim() ?? null;
}

function saidBefore(text: string): string | null {
	if (!LIKE_LABEL.test(text)) return null;
	const [, ...groups] = LABEL.exec(inLowerCase(text))?.indices ?? [];
	const said = groups.find((group) => group !== undefined);
	return said === undefined ? null : text.slice(...said).trim();
}

function saidBehind(text: string): string | null {
	const apart =
		/[([]\s*([^()[\]]{1,200})[)\]][\s.*_~]*$/u.exec(text)?.[1] ??
		/(?:^|\s)(?:[–—]|--?|->|=>|[→⇒⚠]\ufe0f?)\s+([^–—→⇒⚠]{1,200})$/u.exec(text)?.[1] ??
		/(?:<!--\s*|(?:\s|^)\/\/\s?|\s#|\s@(?=\S+$)|~~\s+)([^<>#~]{1,60}?)(?:\s*-->)?$/u.exec(text)?.[1];
	if (apart !== undefined && (saysSo(apart, STATE_OF_ITS_OWN) || WAITS.test(apart))) return apart.trim();
	// "(only on Linux; macOS untested)", "（没有权限，未执行）"
	const later = apart
		?.split(PART)
		.slice(1)
		.find((part) => saysSo(part, null) || SAID_LAST.test(part));
	if (later !== undefined) return later.trim();
	if (apart !== undefined && SAID_LAST.test(apart)) return apart.trim();
	const ending = /(?:[,;，；。]|[.…](?=\s)|[:：])\s*([^,;:.，；：。…]{1,60})[\s.。!]*$/u.exec(text);
	const said = ending?.[1];
	// A list of states ends in one: behind a comma it must be a phrase.
	const bare = ending !== null && /^[:：]/.test(ending[0]) ? BARE_STATE : null;
	return said !== undefined && saysSo(said, bare) ? said.trim() : null;
}

function saysSo(said: string, state: RegExp | null): boolean {
	const words = inLowerCase(wordsIn(said)).replace(
		/^(?:but|however|aber|mais|pero|但是?|ただし)[,，、\s]*/iu,
		"",
	);
	const [, done, of] = SHARE.exec(words) ?? [];
	return SAYS_NOT_DONE.test(words) || done !== of || state?.test(words) === true;
}

function signAround(text: string): string | null {
	const first = FIRST_SIGN.exec(text)?.[1] ?? "";
	const around = [first === DECORATION ? "" : first, LAST_SIGN.exec(text)?.[1] ?? ""];
	return around.find((sign) => SIGNS.some((glyph) => glyph.test(sign))) ?? null;
}
