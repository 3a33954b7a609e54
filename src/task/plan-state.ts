/** What agents write for the state of an item: a word, a sign or a share, in their own languages. */

/** " " open · "x" done · "?" blocked (question below) · "!" error (description below) */
export type Marker = " " | "x" | "?" | "!";

export const OPEN_GLYPH = /[☐□◻◽▢❏❑❒⬜⬚🔲🔳🗆]/u;
export const DONE_GLYPH = /[☑✅✔✓🗹]/u;
export const FAILED_GLYPH = /[❌✗✘✖⛔]/u;
export const BLOCKED_GLYPH = /[❓❔]/u;
/** Signs of a state that is not done; in a list only, since elsewhere they are decoration. */
export const BUSY_GLYPH = /[☒⏳⌛⌚🔄🚧🚫⏸⏯🔜🔘○◯⭕◌➖🕐-🕧🔴🟠🟡🔵🟣⚪⚫🟥🟧🟨🟦🟪🟫⬛🛑]/u;
/** Below an item, too, these say that something is not done; other signs there decorate notes. */
export const PENDING_GLYPH = /[⏳⌛🔄🚧🔜⏸]/u;
/** Decoration, but for a bullet in a list of boxes. */
const DOUBTFUL_GLYPH = /^[⚠❗🔃🔁⏭⏩▶💤👷❎🏗]\ufe0f?\s/u;

const DONE_WORD =
	/^(?:done|ok|yes|complete|completed|finished|erledigt|fertig|fait|termin[ée]e?|hecho|completado|terminado|完了|完成|済|済み|已完成|100 ?%)$/iu;
/** In a cell of a table an "ok" or a "yes" may be anything. */
const DONE_CELL = /^(?:done|completed|erledigt|fait|hecho|готово|сделано|完了|完成|已完成|100 ?%)$/iu;
/** To a question that only the column's head tells. */
const ANSWER = /^(?:no|nope|nein|non|нет|n\/a|0|false)$/iu;
/** In a column that is known to hold states. */
const DONE_IN_COLUMN =
	/^(?:(?:all )?(?:done|complete|finished|fixed|implemented|resolved|merged|closed)|fertig|abgeschlossen|umgesetzt|termin[ée]e?|completado|terminado|feito|conclu[ií]do|fatto|выполнено|완료)$/iu;
const OPEN_WORDS: readonly string[] = [
	"to-?do|to do|open|wip|doing|pending|in[ -]progress|started|ongoing|next|later|skipped|skip|partial|0|false",
	"undone|unfinished|unstarted|incomplete|remaining|outstanding|missing|deferred|postponed|delayed|on hold|paused|waiting",
	"tb[dac]|planned|queued|backlog|active|running|current|now|(?:in )?review|reviewing|in test|testing|untested|draft|unclear",
	"cancell?ed|dropped|abandoned|no|nope|n/a|won['’]?t(?: do| fix)?|wontfix|nearly|almost|half",
	"offen|in arbeit|unerledigt|ausstehend|begonnen|angefangen|teilweise|später|wartet|zurückgestellt|geplant|nein|läuft",
	"à faire|a faire|en cours|en attente|incomplet|reporté|partiel|plus tard|prévu|non",
	"pendiente|en curso|en espera|incompleto|parcial|por hacer|da fare|in corso|in attesa|a fazer|em andamento|pendente",
	"進行中|进行中|作業中|保留|待ち|途中|着手中|着手|暂停|进行|处理中|要対応|진행 ?중|대기 ?중?|в работе|в процессе|ожидает|нет|bezig|open ?staand",
	"(?!100)\\d{1,3} ?%",
];
const OPEN_WORD = new RegExp(`^(?:${OPEN_WORDS.join("|")})$`, "iu");
/** Whatever follows: "not yet", "needs tests", "pas fait", "sin hacer", "nicht fertig", "未着手". */
const OPEN_BEGINNING =
	/^(?:(?:not|half|almost|nearly|partly|partially|still|needs?|waiting|to be|to-?do|wip|fixme|tbd|pending|nicht|noch|teils|pas|non|encore|sin|no|falta|não|niet|nie|не|ещё|еще)[\s:：-]+\S|[未没没尚待不미]\S?)/iu;
const FAILED_WORD = /^(?:failed|error|fehler|[ée]chec|erreur|fallido|失敗|失败)$/iu;
const BLOCKED_WORD = /^(?:question|質問|(?:blocked|blockiert|bloqu[ée]|bloqueado|阻塞)(?:[\s:：].*)?)$/iu;

/** What stands between the brackets; null: a word that is no state. */
export function markerOf(content: string): Marker | null {
	if (/^[xх]$/iu.test(content) || DONE_WORD.test(content) || isAll(content, DONE_GLYPH) || content === "√")
		return "x";
	if (/^\?+$/.test(content) || BLOCKED_WORD.test(content) || isAll(content, BLOCKED_GLYPH)) return "?";
	if (/^!+$/.test(content) || FAILED_WORD.test(content) || isAll(content, FAILED_GLYPH)) return "!";
	const share = /^(\d{1,4}|x) ?(?:[/／]|of|von|de|sur) ?(\d{1,4})$/i.exec(content);
	if (share !== null) return share[1] === share[2] ? "x" : " ";
	if (isOpenWord(content) || /^\p{L}$/u.test(content)) return " ";
	return /[\p{L}\p{N}]|^\^./u.test(content) ? null : " ";
}

function isOpenWord(text: string): boolean {
	return OPEN_WORD.test(text) || OPEN_BEGINNING.test(text);
}

function isAll(content: string, glyph: RegExp): boolean {
	const bare = content.replaceAll("\ufe0f", "");
	return [...bare].length === 1 && glyph.test(bare);
}

/** Without what stands around: signs, brackets, emphasis. */
export function wordsIn(text: string): string {
	return text.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}%]+$/gu, "");
}

/**
 * Of the same length: what lies where in it lies there in `text`. V8 takes 50 times as long to make a long regular
 * expression that ignores case.
 */
export function inLowerCase(text: string): string {
	return text.replace(/\p{Lu}/gu, (letter) => {
		const lower = letter.toLowerCase();
		return lower.length === letter.length ? lower : letter;
	});
}

/** Whether a cell of a column that holds states is a done one. */
export function isDoneInColumn(cell: string): boolean {
	return DONE_IN_COLUMN.test(wordsIn(cell));
}

/** The state that a text names, with or without a sign before or behind it; null: none. For a cell of a table. */
export function stateIn(text: string): Marker | null {
	const words = wordsIn(text);
	if (ANSWER.test(words)) return null;
	if (FAILED_WORD.test(words)) return "!";
	if (BLOCKED_WORD.test(words)) return "?";
	if (isOpenWord(words)) return " ";
	return DONE_CELL.test(words) ? "x" : null;
}

const MAX_STATE_NAME_CHARS = 24;
const SUFFIX = /(?:[([（【]\s*([^()[\]（）【】]{1,24}?)\s*[)\]）】]|\s[–—-]\s*([^–—-]{1,24}))[\s.*_~]*$/u;
const FIRST_WORD = /^[*_~(<[]{0,3}(?:TODO|WIP|FIXME|TBD|PENDING|OPEN)\b/;
/** "**Pending** tests" */
const STRESSED = /^[*_]{1,3}([^*_]{1,24})[*_]{1,3}\s/u;
export const LAST_SIGN = /(\S)\ufe0f?\s*$/u;

const NOTHING =
	/(?:^|[:：\s–—-])\s*(?:none|nothing|nil|no|n\/?a|0|keine?s?|nichts|aucune?|rien|nada|ninguno|nessuno|нет|无|なし|[-–—])\.?[\s*_]*$/iu;

/** "TODO: none", "none", "–" */
export function saysNothing(text: string): boolean {
	return NOTHING.test(text);
}

const OPEN_SECTION =
	/^(?:(?:still |noch )?(?:open|offen|todo|to[ -]do|pending|remaining|outstanding|unfinished|incomplete|not (?:yet )?(?:done|started|finished|implemented)|in progress|wip|blocked|deferred|postponed)(?: yet)?(?: (?:items?|tasks?|points?|steps?|work|todos?))?|(?:what['’]s|what is) left(?: to do)?|left to do|unresolved|to-?dos?(?: list)?|offene (?:punkte|aufgaben)|verbleibend(?:es?)?|unerledigt|nicht erledigt|zu erledigen|in arbeit|(?:reste )?à (?:faire|terminer|finir)|en cours|restant|(?:tareas )?pendientes?|por (?:hacer|terminar)|en curso|(?:未完了|未完成|未着手|待办|待辦|进行中|進行中|作業中|剩余|残り?|残っている|待完成)の?(?:项目?|事项|任务|工作|タスク|作業|項目|課題)?|还(?:需要?|要)做|还没做|noch zu (?:tun|erledigen)|rest(?:ant|e)|faltan?|осталось|в работе|не сделано)$/u;
/** "Remaining (2)" */
const COUNTED = /\s*[(（]\d{1,4}[)）]?$/;

/** Whether a heading says that what is listed below it is not done. */
export function isOpenSection(heading: string): boolean {
	return OPEN_SECTION.test(inLowerCase(wordsIn(heading)).replace(COUNTED, ""));
}

/** Whether a heading or the beginning of a paragraph says that the signs below are explained. */
export function isLegend(text: string): boolean {
	return /^[\s*_#]*(?:legend|key|markers?|legende|légende|leyenda|凡例|图例|легенда)[\s*_]*[:：]?[\s*_]*$/iu.test(
		text,
	);
}

/** Whether a text explains a sign: "open", "question, below the item", "= not started". */
export function isStateName(text: string): boolean {
	const name = /^[^,;:：(（–—]*/u.exec(text)?.[0] ?? "";
	return name.length <= MAX_STATE_NAME_CHARS && (stateIn(name) !== null || isDoneInColumn(name));
}

/**
 * Whether a bullet without a box says that it is not done. Asked of one that stands in a list of boxes only:
 * "[frontend] login", "tests (todo)", "tests — pending", "tests ⏳".
 */
export function saysUnfinished(text: string): boolean {
	if (FIRST_WORD.test(text) || DOUBTFUL_GLYPH.test(text)) return !saysNothing(text);
	if (/^\[[^[\]]{1,24}\](?![([:])/.test(text) && !text.startsWith("[^")) return true;
	if (isNotDone(stateIn(STRESSED.exec(text)?.[1] ?? ""))) return true;
	const [, bracketed, dashed] = SUFFIX.exec(text) ?? [];
	if (isNotDone(stateIn(bracketed ?? dashed ?? ""))) return true;
	const labelled = /[:：]\s*([^:：]{1,24})$/u.exec(text)?.[1];
	if (labelled !== undefined && !saysNothing(labelled) && isNotDone(stateIn(labelled))) return true;
	const sign = LAST_SIGN.exec(text)?.[1] ?? "";
	return [BUSY_GLYPH, OPEN_GLYPH, FAILED_GLYPH].some((glyph) => glyph.test(sign));
}

/** Whether a bullet without a box says that it is done: "tests ✅", "tests (done)", "~~tests~~". */
export function saysDone(text: string): boolean {
	const [, bracketed, dashed] = SUFFIX.exec(text) ?? [];
	if (stateIn(bracketed ?? dashed ?? "") === "x" || /^~{1,2}[^~]+~~/.test(text)) return true;
	return DONE_GLYPH.test(LAST_SIGN.exec(text)?.[1] ?? "");
}

function isNotDone(marker: Marker | null): boolean {
	return marker !== null && marker !== "x";
}
