/**
 * One line of a plan, read as a person reads it. Fail-closed: what looks like a box and is not `[x]` is
 * open, since an item that is overlooked would let an unfinished task pass for completed.
 */
import {
	BLOCKED_GLYPH,
	BUSY_GLYPH,
	DONE_GLYPH,
	FAILED_GLYPH,
	isStateName,
	type Marker,
	markerOf,
	OPEN_GLYPH,
	PENDING_GLYPH,
	saysNothing,
} from "./plan-state.ts";

export interface PlanLine {
	marker: Marker;
	text: string;
}

/** Full-width and other brackets of the same shape; each is one UTF-16 unit, so places stay. */
const BRACKETS: Readonly<Record<string, string>> = {
	"［": "[",
	"【": "[",
	"〔": "[",
	"⟦": "[",
	"］": "]",
	"】": "]",
	"〕": "]",
	"⟧": "]",
	"（": "(",
	"）": ")",
	"｛": "{",
	"｝": "}",
	"〖": "[",
	"〗": "]",
	"「": "[",
	"」": "]",
	"『": "[",
	"』": "]",
	"❲": "[",
	"❳": "]",
	"⁅": "[",
	"⁆": "]",
	"⦋": "[",
	"⦌": "]",
	"﹝": "[",
	"﹞": "]",
};
const FOREIGN_BRACKET = /[［【〔⟦］】〕⟧（）｛｝〖〗「」『』❲❳⁅⁆⦋⦌﹝﹞]/g;
/** Of HTML, as far as a box is made of them; and the short names of signs on GitHub. */
const ENTITY = /&(?:#91|lsqb|lbrack|#93|rsqb|rbrack|#160|nbsp|#9744|#x2610|#9745|#x2611);|:[a-z_]{1,24}:/gi;
const ENTITIES: ReadonlyMap<string, string> = new Map([
	...["#91", "lsqb", "lbrack"].map((name) => [`&${name};`, "["] as const),
	...["#93", "rsqb", "rbrack"].map((name) => [`&${name};`, "]"] as const),
	...["#160", "nbsp"].map((name) => [`&${name};`, " "] as const),
	...["#9744", "#x2610"].map((name) => [`&${name};`, "☐"] as const),
	...["#9745", "#x2611"].map((name) => [`&${name};`, "☑"] as const),
	...Object.entries({
		"✅": ["white_check_mark", "heavy_check_mark"],
		"☑": ["ballot_box_with_check"],
		"❌": ["x", "no_entry"],
		"❓": ["question", "grey_question"],
		"⏳": ["hourglass", "hourglass_flowing_sand", "soon"],
		"🚧": ["construction"],
		"🔄": ["arrows_counterclockwise"],
		"⬜": ["white_large_square", "white_medium_square", "black_square_button", "white_square_button"],
		"⚪": ["white_circle", "yellow_circle", "red_circle"],
	}).flatMap(([sign, names]) => names.map((name) => [`:${name}:`, sign] as const)),
]);

const BULLET =
	/(?:[-*+•‣⁃◦▪▸►·–—－−‐‑・∙●◆■]|\d{1,9}(?:\.\d{1,4}){1,5}[.):、．]?|\d{1,9}[.):、．]|[０-９]{1,9}[．.、）)]|[①-⑳]|[一二三四五六七八九十]{1,3}[、．.）)]|\((?:\d{1,9}|[a-z]|[ivx]{2,4})\)|#\d{1,6}|(?:[a-z]|[ivxlc]{2,5})[.)](?=\s))/iy;
const HEADING_MARK = /#{1,6}(?=[\s[])/y;
const SKIPPED = /(?:\s|>|\p{Cf}|<!--|<\/?[a-z][^<>]{0,60}>|[*_~`]{1,3}(?=\\?[[({]|[☐-☒✅✓✔⬜□]|[*_~`<]))/uy;
const CHECKBOX_TAG = /<input\b(?=[^<>]{0,200}checkbox)([^<>]{0,200})>/iy;

const BOX_LIMIT_CHARS = 24;
/** After a box: its emphasis, a colon, further boxes. */
const AFTER_BOX = /^[*_~`]{0,3}[\s:：]*(?:\[[ xX]?\]\s+)*/;

/** "TODO: write the tests", without any box */
const OPEN_LABEL =
	/^(?:to-?do|wip|pending|open|blocked|remaining|unfinished|in progress|not (?:yet )?(?:done|started)|offen|noch offen|ausstehend|in arbeit|nicht erledigt|à faire|en cours|en attente|pas fait|pendiente|en curso|por hacer|未完了|未完成|未着手|未対応|作業中|対応中|処理待ち|待办|待处理|待完成|進行中|进行中|не сделано|в работе|осталось)[*_]{0,3}\s?[:：]\s?/iu;
/** Below an item and without a bullet only what cannot be prose. */
const LOUD_LABEL = /^(?:TODO|WIP|FIXME)\s?[:：]\s?\S/;

interface Box {
	marker: Marker;
	/** where it begins, and what is behind it */
	start: number;
	end: number;
}

/**
 * @param top whether the line stands no deeper than the plan's first item: there a status sign alone
 * (`- ⏳ tests`) is an item, deeper it belongs to a note
 * @param listed whether a sign needs no bullet: the lines around it begin with one, too
 * @returns null for a line that is no item
 */
export function readPlanLine(line: string, top: boolean, listed = false): PlanLine | null {
	return readLine(withSigns(line), top, listed);
}

/** Whether a line begins with the sign of a state instead of a bullet. */
export function beginsWithSign(line: string): boolean {
	const shown = withSigns(line);
	const box = glyphAt(shown, 0, true);
	return box !== null && /^\s+\S/.test(shown.slice(box.end));
}

function withSigns(line: string): string {
	return line.replace(ENTITY, (entity) => ENTITIES.get(entity.toLowerCase()) ?? entity);
}

function readLine(line: string, top: boolean, listed: boolean): PlanLine | null {
	const plain = withPlainBrackets(line);
	const { at, bullet } = lineStart(plain);
	const box = tagAt(plain, at) ?? boxAt(plain, at, bullet) ?? signAt(plain, at, bullet, top, listed);
	if (box !== null) {
		// "`[ ]` = open" explains the boxes.
		if (!bullet && /^[*_~`]{0,3}\s*=\s/.test(plain.slice(box.end))) return null;
		const text = line.slice(box.end).replace(AFTER_BOX, "");
		return { marker: box.marker === "x" && holdsOpenBox(plain.slice(box.end)) ? " " : box.marker, text };
	}
	return labelled(line.slice(at), bullet, top) ?? boxElsewhere(plain, line, at);
}

function signAt(line: string, at: number, bullet: boolean, top: boolean, listed: boolean): Box | null {
	const pending = bullet && PENDING_GLYPH.test(String.fromCodePoint(line.codePointAt(at) ?? 0));
	const found = glyphAt(line, at, pending || (top && (bullet || listed)));
	const rest = found === null ? "" : line.slice(found.end);
	return isStateName(rest) ? null : found;
}

/** What a line says behind its bullet or number; null where it has none. */
export function bulletText(line: string): string | null {
	const { at, bullet } = lineStart(withPlainBrackets(line));
	return bullet ? line.slice(at).trim() : null;
}

export function withPlainBrackets(line: string): string {
	return line.replace(FOREIGN_BRACKET, (bracket) => BRACKETS[bracket] ?? bracket);
}

/** Where the text of a line begins: behind indentation, quotes, bullets, numbers, emphasis, tags. */
function lineStart(line: string): { at: number; bullet: boolean } {
	let at = 0;
	let bullet = false;
	for (;;) {
		const skipped = lengthAt(SKIPPED, line, at);
		if (skipped > 0 && !isCheckboxTag(line, at)) {
			at += skipped;
			continue;
		}
		const mark = lengthAt(BULLET, line, at) || lengthAt(HEADING_MARK, line, at);
		if (mark === 0 || !/^[\s[({<\\*_~`☐-☒✅✓✔⬜□\p{Cf}]/u.test(line.slice(at + mark, at + mark + 2)))
			return { at, bullet };
		// "**bold** text" begins with no bullet.
		if (/^[*_]/.test(line.slice(at)) && /^[*_]/.test(line.slice(at + mark))) return { at, bullet };
		bullet = true;
		at += mark;
	}
}

function isCheckboxTag(line: string, at: number): boolean {
	return lengthAt(CHECKBOX_TAG, line, at) > 0;
}

function lengthAt(pattern: RegExp, line: string, at: number): number {
	pattern.lastIndex = at;
	return pattern.exec(line)?.[0].length ?? 0;
}

function tagAt(line: string, at: number): Box | null {
	CHECKBOX_TAG.lastIndex = at;
	const tag = CHECKBOX_TAG.exec(line);
	if (tag === null) return null;
	return { marker: /\bchecked\b/i.test(tag[1] ?? "") ? "x" : " ", start: at, end: at + tag[0].length };
}

/** `[ ]`, `\[ \]`, `( )`, `{ }`, and one that nobody closed. */
export function boxAt(line: string, at: number, bullet: boolean): Box | null {
	const angle = bullet ? /^<\s*>(?=\s)/.exec(line.slice(at, at + BOX_LIMIT_CHARS)) : null;
	if (angle !== null) return { marker: " ", start: at, end: at + angle[0].length };
	const found = /^\\?([[({])([^[\](){}]{0,24})(\\?[\])}])?/.exec(line.slice(at, at + BOX_LIMIT_CHARS + 6));
	if (found === null) return null;
	const [whole, bracket = "", inside = "", close] = found;
	const content = inside
		.replace(/\\$/, "")
		.replace(/\p{Cf}/gu, "")
		.normalize("NFKC")
		.trim();
	const end = at + whole.length;
	if (close === undefined) {
		const open = bracket === "[" && bullet && /^\s/.test(inside) && !line.slice(end).includes("]");
		return open ? { marker: " ", start: at, end: at + whole.length - inside.length } : null;
	}
	if (bracket !== "[") {
		const isState =
			bracket === "(" && content !== "" && (/^[x?!~-]$/i.test(content) || markerOf(content) === " ");
		const isEmpty = content === "" && (inside !== "" || /^\s+[\p{L}\p{N}]/u.test(line.slice(end)));
		return bullet && (isState || isEmpty) ? { marker: markerOf(content) ?? " ", start: at, end } : null;
	}
	const marker = markerOf(content);
	if (marker === null || !isBoxBefore(line.slice(end), content, bullet)) return null;
	return { marker, start: at, end };
}

/** Links, footnotes, references and labels in brackets are no boxes. */
function isBoxBefore(rest: string, content: string, bullet: boolean): boolean {
	if (content === "") return true;
	if (/^[([]/.test(rest) && !/^\[\s?\]/.test(rest)) return false;
	if (!/[\p{L}\p{N}]/u.test(content) || /^x$/i.test(content)) return true;
	return bullet && !/^:\s*(?:https?:|\/|<)/.test(rest);
}

/** ☐ is a box wherever a line begins with it; a sign such as ❌ needs a list. */
export function glyphAt(line: string, at: number, listed: boolean): Box | null {
	const glyph = String.fromCodePoint(line.codePointAt(at) ?? 0);
	const end = at + glyph.length + (line[at + glyph.length] === "\ufe0f" ? 1 : 0);
	if (OPEN_GLYPH.test(glyph)) return { marker: " ", start: at, end };
	if (glyph === "☑") return { marker: "x", start: at, end };
	if (!listed) return null;
	if (DONE_GLYPH.test(glyph)) return { marker: "x", start: at, end };
	if (FAILED_GLYPH.test(glyph)) return { marker: "!", start: at, end };
	if (BLOCKED_GLYPH.test(glyph)) return { marker: "?", start: at, end };
	return BUSY_GLYPH.test(glyph) ? { marker: " ", start: at, end } : null;
}

/** "- [x] parser [ ] printer": the second half is open. `[]` and code may be what the item is about. */
function holdsOpenBox(rest: string): boolean {
	const shown = rest.replace(/`[^`]*`/g, "");
	if (/(?:^|[\s(,;/>–—-]|\p{Cf})(?:\[[ \u00a0\u3000]\](?=[\s),;<]|$)|[☐⬜])/u.test(shown)) return true;
	const [tag] = /<input\b(?=[^<>]{0,200}checkbox)[^<>]{0,200}>/i.exec(shown) ?? [];
	return tag !== undefined && !/\bchecked\b/i.test(tag);
}

function labelled(line: string, bullet: boolean, top: boolean): PlanLine | null {
	const text = line.replace(/^[*_~]{1,3}/, "");
	const open = bullet && top ? OPEN_LABEL.test(text) : LOUD_LABEL.test(text);
	return open && !saysNothing(text) ? { marker: " ", text: line } : null;
}

/** "Step 2:", "Task 3 –", "1 -", "T1", "Phase 4" */
const LABEL = /^(?:.{1,60}[:：|–—-]|\p{L}{0,12}[ #-]?\d{1,6}[a-z]?)\s*$/u;

/** "- Write the tests [ ]" and "- Step 2: [ ] write the tests": one box alone, at the end or behind a label. */
function boxElsewhere(plain: string, line: string, at: number): PlanLine | null {
	const rest = plain.slice(at).replace(/`[^`]*`/g, (code) => " ".repeat(code.length));
	const boxes = [
		...rest.matchAll(
			/(?:^|\s|(?<=：))([*_~]{0,3}(?:\[([ \u00a0\u3000xX?!~/-]?)\]|[☐☑⬜])[*_~]{0,3})(?=[\s:：]|$)/gu,
		),
	];
	const [box] = boxes;
	if (box === undefined || boxes.length > 1) return null;
	const start = at + box.index + box[0].length - (box[1] ?? "").length;
	const before = line.slice(at, start);
	const after = line.slice(start + (box[1] ?? "").length);
	if (after.trim() !== "" && !LABEL.test(before)) return null;
	const marker = box[1]?.includes("☑") ? "x" : (markerOf((box[2] ?? "").trim()) ?? " ");
	return { marker, text: `${before}${after}` };
}
