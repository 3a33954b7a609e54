/**
 * One line of a plan, read as a person reads it. Fail-closed: what looks like a box and is not `[x]` is
 * open, since an item that is overlooked would let an unfinished task pass for completed.
 */
import {
	BLOCKED_GLYPH,
	BUSY_GLYPH,
	DONE_GLYPH,
	FAILED_GLYPH,
	type Marker,
	markerOf,
	OPEN_GLYPH,
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
/** Of HTML, as far as a box is made of them. */
const ENTITY = /&(?:#91|lsqb|lbrack|#93|rsqb|rbrack|#160|nbsp|#9744|#x2610|#9745|#x2611);/gi;
const ENTITIES: ReadonlyMap<string, string> = new Map([
	...["#91", "lsqb", "lbrack"].map((name) => [`&${name};`, "["] as const),
	...["#93", "rsqb", "rbrack"].map((name) => [`&${name};`, "]"] as const),
	...["#160", "nbsp"].map((name) => [`&${name};`, " "] as const),
	...["#9744", "#x2610"].map((name) => [`&${name};`, "☐"] as const),
	...["#9745", "#x2611"].map((name) => [`&${name};`, "☑"] as const),
]);

const BULLET =
	/(?:[-*+•‣⁃◦▪▸►·–—－−‐‑・∙●◆■]|\d{1,9}(?:\.\d{1,4}){1,5}[.):、．]?|\d{1,9}[.):、．]|\((?:\d{1,9}|[a-z]|[ivx]{2,4})\)|#\d{1,6}|(?:[a-z]|[ivxlc]{2,5})[.)](?=\s))/iy;
const HEADING_MARK = /#{1,6}(?=[\s[])/y;
const SKIPPED = /(?:\s|>|\p{Cf}|<!--|<\/?[a-z][^<>]{0,60}>|[*_~`]{1,3}(?=\\?[[({]|[☐-☒✅✓✔⬜□]|[*_~`<]))/uy;
const CHECKBOX_TAG = /<input\b(?=[^<>]{0,200}checkbox)([^<>]{0,200})>/iy;

const BOX_LIMIT_CHARS = 24;
/** After a box: its emphasis, a colon, further boxes. */
const AFTER_BOX = /^[*_~`]{0,3}[\s:：]*(?:\[[ xX]?\]\s+)*/;

/** "TODO: write the tests", without any box */
const OPEN_LABEL = /^(?:to-?do|wip|pending|offen|à faire|pendiente|未完了|未完成|待办|進行中)\s?[:：]\s?/iu;

interface Box {
	marker: Marker;
	/** where it begins, and what is behind it */
	start: number;
	end: number;
}

/**
 * @param top whether the line stands no deeper than the plan's first item: there a status sign alone
 * (`- ⏳ tests`) is an item, deeper it belongs to a note
 * @returns null for a line that is no item
 */
export function readPlanLine(line: string, top: boolean): PlanLine | null {
	return readLine(
		line.replace(ENTITY, (entity) => ENTITIES.get(entity.toLowerCase()) ?? entity),
		top,
	);
}

function readLine(line: string, top: boolean): PlanLine | null {
	const plain = withPlainBrackets(line);
	const { at, bullet } = lineStart(plain);
	const box = tagAt(plain, at) ?? boxAt(plain, at, bullet) ?? glyphAt(plain, at, bullet && top);
	if (box !== null) {
		const text = line.slice(box.end).replace(AFTER_BOX, "");
		return { marker: box.marker === "x" && holdsOpenBox(plain.slice(box.end)) ? " " : box.marker, text };
	}
	return (bullet ? labelled(line.slice(at), top) : null) ?? boxElsewhere(plain, line, at);
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
	return /(?:^|[\s(,;/–—-]|\p{Cf})(?:\[[ \u00a0\u3000]\](?=[\s),;]|$)|[☐⬜])/u.test(
		rest.replace(/`[^`]*`/g, ""),
	);
}

function labelled(text: string, top: boolean): PlanLine | null {
	const label = top ? OPEN_LABEL.exec(text.replace(/^[*_~]{1,3}/, "")) : null;
	return label === null ? null : { marker: " ", text };
}

/** "Step 2:", "Task 3 –", "1 -", "T1", "Phase 4" */
const LABEL = /^(?:.{1,60}[:：|–—-]|\p{L}{0,12}[ #-]?\d{1,6}[a-z]?)\s*$/u;

/** "- Write the tests [ ]" and "- Step 2: [ ] write the tests": one box alone, at the end or behind a label. */
function boxElsewhere(plain: string, line: string, at: number): PlanLine | null {
	const rest = plain.slice(at).replace(/`[^`]*`/g, (code) => " ".repeat(code.length));
	const boxes = [
		...rest.matchAll(/(?:^|\s)([*_~]{0,3}(?:\[([ \u00a0\u3000xX?!~/-]?)\]|[☐☑⬜])[*_~]{0,3})(?=\s|$)/gu),
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
