/**
 * One line of a plan, read as a person reads it. Fail-closed: what looks like a box and is not `[x]` is
 * open, since an item that is overlooked would let an unfinished task pass for completed.
 */
/** " " open · "x" done · "?" blocked (question below) · "!" error (description below) */
export type Marker = " " | "x" | "?" | "!";

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
};
const FOREIGN_BRACKET = /[［【〔⟦］】〕⟧（）｛｝]/g;

const BULLET = /(?:[-*+•‣⁃◦▪▸►·–—]|\d{1,9}[.):、．]|\(\d{1,9}\)|[A-Za-z][.)](?=\s))/y;
const HEADING_MARK = /#{1,6}(?=[\s[])/y;
const SKIPPED = /(?:\s|>|\p{Cf}|<\/?[a-z][^<>]{0,60}>|[*_~`]{1,3}(?=\\?[[({]|[☐-☒✅✓✔⬜□]|[*_~`<]))/uy;
const CHECKBOX_TAG = /<input\b(?=[^<>]{0,200}checkbox)([^<>]{0,200})>/iy;

const BOX_LIMIT_CHARS = 24;
/** After a box: its emphasis, a colon, further boxes. */
const AFTER_BOX = /^[*_~`]{0,3}[\s:：]*(?:\[[ xX]?\]\s+)*/;

const OPEN_GLYPH = /[☐□◻◽▢❏❑❒⬜⬚🔲🔳🗆]/u;
const DONE_GLYPH = /[☑✅✔✓🗹]/u;
const FAILED_GLYPH = /[❌✗✘✖⛔]/u;
const BLOCKED_GLYPH = /[❓❔]/u;
const BUSY_GLYPH = /[☒⏳⌛🔄🚧🚫⏸⏯🔜🕐🟡🟠🔵⚪]/u;

const DONE_WORD =
	/^(?:done|ok|yes|complete|completed|finished|erledigt|fertig|fait|termin[ée]e?|hecho|completado|terminado|完了|完成|済|済み|已完成|100 ?%)$/iu;
const OPEN_WORD =
	/^(?:to-?do|to do|open|wip|doing|pending|in[ -]progress|started|ongoing|next|later|skipped|partial|not done|offen|in arbeit|à faire|a faire|en cours|pendiente|en curso|未完了|未完成|未着手|進行中|进行中|待办|\d{1,3} ?%)$/iu;
const FAILED_WORD = /^(?:failed|error|fehler|[ée]chec|erreur|fallido|失敗|失败)$/iu;
const BLOCKED_WORD = /^(?:blocked|question|blockiert|bloqu[ée]|bloqueado|質問|阻塞)$/iu;
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
	const plain = line.replace(FOREIGN_BRACKET, (bracket) => BRACKETS[bracket] ?? bracket);
	if (/^\s*\|/.test(plain)) return tableRow(plain, line);
	const { at, bullet } = lineStart(plain);
	const box = tagAt(plain, at) ?? boxAt(plain, at, bullet) ?? glyphAt(plain, at, bullet && top);
	if (box !== null) {
		const text = line.slice(box.end).replace(AFTER_BOX, "");
		return { marker: box.marker === "x" && holdsOpenBox(plain.slice(box.end)) ? " " : box.marker, text };
	}
	if (!bullet) return null;
	return labelled(line.slice(at), top) ?? boxElsewhere(plain, line, at);
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
		if (mark === 0 || !/^[\s[({\\*_~`☐-☒✅✓✔⬜□]/u.test(line.slice(at + mark, at + mark + 2)))
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
function boxAt(line: string, at: number, bullet: boolean): Box | null {
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
		const isBox = bullet && (content === "" ? inside !== "" : bracket === "(" && /^[x?!~-]$/i.test(content));
		return isBox ? { marker: markerOf(content) ?? " ", start: at, end } : null;
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

/** What stands between the brackets; null: a word that is no state. */
function markerOf(content: string): Marker | null {
	if (/^x$/i.test(content) || DONE_WORD.test(content) || isAll(content, DONE_GLYPH) || content === "√")
		return "x";
	if (/^\?+$/.test(content) || BLOCKED_WORD.test(content) || isAll(content, BLOCKED_GLYPH)) return "?";
	if (/^!+$/.test(content) || FAILED_WORD.test(content) || isAll(content, FAILED_GLYPH)) return "!";
	const share = /^(\d{1,4}) ?[/／] ?(\d{1,4})$/.exec(content);
	if (share !== null) return share[1] === share[2] ? "x" : " ";
	if (OPEN_WORD.test(content) || /^\p{L}$/u.test(content)) return " ";
	return /[\p{L}\p{N}]|^\^./u.test(content) ? null : " ";
}

function isAll(content: string, glyph: RegExp): boolean {
	const bare = content.replaceAll("\ufe0f", "");
	return [...bare].length === 1 && glyph.test(bare);
}

/** ☐ is a box wherever a line begins with it; a sign such as ❌ needs a list. */
function glyphAt(line: string, at: number, listed: boolean): Box | null {
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
	return /(?:^|\s)(?:\[[ \u00a0\u3000]\](?=\s|$)|[☐⬜])/u.test(rest.replace(/`[^`]*`/g, ""));
}

function labelled(text: string, top: boolean): PlanLine | null {
	const label = top ? OPEN_LABEL.exec(text.replace(/^[*_~]{1,3}/, "")) : null;
	return label === null ? null : { marker: " ", text };
}

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
	if (after.trim() !== "" && !/^.{1,60}[:：–—-]\s*$/u.test(before)) return null;
	const marker = box[1]?.includes("☑") ? "x" : (markerOf((box[2] ?? "").trim()) ?? " ");
	return { marker, text: `${before}${after}` };
}

/** `|---|:-:|`: the row above it is no item. */
export function isTableRule(line: string): boolean {
	return line.includes("-") && /^\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$/.test(line.trim());
}

/** A row with a cell that is a box or a state. */
function tableRow(plain: string, line: string): PlanLine | null {
	const cells = plain
		.split(/(?<!\\)\|/)
		.map((cell) => cell.trim().replace(/^[*_~`]+(?=\[)|(?<=\])[*_~`]+$/g, ""));
	for (const [n, cell] of cells.entries()) {
		const marker = cellMarker(cell);
		if (marker === null) continue;
		const texts = line.split(/(?<!\\)[|｜]/).filter((_, at) => at !== n);
		return {
			marker,
			text: texts
				.map((text) => text.trim())
				.filter(Boolean)
				.join(" · "),
		};
	}
	const box = cells.map((cell) => boxAt(cell, 0, false)).find((found) => found !== null);
	return box ? { marker: box.marker, text: cells.filter(Boolean).join(" · ") } : null;
}

function cellMarker(cell: string): Marker | null {
	const inside = /^\\?\[(.{0,24}?)\\?\]$/u.exec(cell)?.[1];
	if (inside !== undefined) return markerOf(inside.normalize("NFKC").trim());
	const glyph = glyphAt(cell, 0, true);
	if (glyph !== null && cell.slice(glyph.end).trim() === "") return glyph.marker;
	if (OPEN_WORD.test(cell) || /^not started$/i.test(cell)) return " ";
	if (FAILED_WORD.test(cell)) return "!";
	if (BLOCKED_WORD.test(cell)) return "?";
	return /^(?:done|completed|erledigt|fait|hecho|完了|已完成)$/iu.test(cell) ? "x" : null;
}
