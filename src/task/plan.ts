/** The checklist of a task as its agent keeps it in plan.md. */
import { cutText } from "./cut-text.ts";
import { beginsWithSign, bulletText, type PlanLine, readPlanLine } from "./plan-item.ts";
import { ListReader } from "./plan-list.ts";
import { isLegend, isOpenSection, isStateName, type Marker } from "./plan-state.ts";
import { isBareRow, isRule, isTableLine, readTable, withBars } from "./plan-table.ts";

export type { Marker };

export interface PlanItem {
	marker: Marker;
	text: string;
	/** what stands on the lines below the item, joined by a space; null when nothing does */
	note: string | null;
}

export interface Plan {
	title: string | null;
	items: PlanItem[];
}

/** A plan is shown everywhere: what an agent writes beyond these is cut. */
export const MAX_ITEMS = 1_000;
const MORE_ITEMS = `… and more: only ${MAX_ITEMS} items are shown`;
const MAX_TEXT_CHARS = 1_000;
/** Read of one line, before spaces are collapsed. */
const MAX_LINE_CHARS = 8_000;

const GIVEN_MARKER = /^(?:(?:[-*+]|\d{1,9}[.)]) )?(?:\[[ xX?!]\] )+/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*))?$/;
/** An item behind one of these stands on a line of its own for whoever looks at the plan. */
const OTHER_LINE_ENDS = /\r(?!\n)|[\u2028\u2029\u0085\v\f]/g;
const FENCE = /^\s*(`{3,}|~{3,})([^`]*)$/;
/** Longer fences count as of this length. */
const FENCE_LENGTHS = 50;
const NOTE_MARK = "**Note from dispatcher:**";
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const TOP_LEVEL_BULLET = /^(?:[-*+]|\d{1,9}[.)])\s/;
const NOTE_DECORATION = /^(?:[-*+>]\s+)+/;

interface Fence {
	mark: string;
	indent: number;
	insideItem: boolean;
}

/**
 * Reads a plan as agents really write it, fail-closed (see plan-item.ts). Text in a code fence is no item;
 * a fence that is never closed hides nothing. Never throws; takes time linear in the text.
 */
export function parsePlan(text: string): Plan {
	const lines = withoutWrapper([...linesOf(text.replace(OTHER_LINE_ENDS, "\n"))]).flatMap(withBars);
	const reader = new PlanReader(lastFences(lines), tableRows(lines), signedLines(lines));
	for (const [n, line] of lines.entries()) {
		if (line === "") reader.blank();
		else reader.take(line, n);
		if (reader.isDecided) break;
	}
	return reader.finish();
}

/** @param items may carry markers and line breaks, which are dropped; empty ones are left out */
export function renderPlan(title: string, items: string[]): string {
	const lines = items
		.map(givenText)
		.filter((text) => text !== "")
		.map((text) => `- [ ] ${text}\n`);
	return `# ${collapse(title)}\n${lines.length === 0 ? "" : "\n"}${lines.join("")}`;
}

/** A plan that was read, as text: the same is read from that, but for a title or a note that would be read otherwise. */
export function renderReadPlan({ title, items }: Plan): string {
	const lines = items.map((item) => {
		const line = `- [${item.marker}] ${item.text}\n`;
		const described = item.note === null ? line : `${line}  ${item.note}\n`;
		const [read, ...more] = parsePlan(described).items;
		return read?.note === item.note && more.length === 0 ? described : line;
	});
	const list = lines.join("");
	const titled = `# ${title}\n\n${list}`;
	const read = parsePlan(titled);
	return read.title === title && read.items.length === items.length ? titled : list;
}

/** Whether the text held more items than `MAX_ITEMS`. */
export function hasMoreItems({ items }: Plan): boolean {
	return items.length === MAX_ITEMS && items.at(-1)?.text === MORE_ITEMS;
}

export function countDone(plan: Plan): { done: number; total: number } {
	return { done: plan.items.filter((item) => item.marker === "x").length, total: plan.items.length };
}

class PlanReader {
	readonly #plan: Plan = { title: null, items: [] };
	readonly #lastFences: ReadonlyMap<string, number[]>;
	#fence: Fence | null = null;
	/** the item that lines below belong to */
	#item: PlanItem | null = null;
	readonly #rows: ReadonlyMap<number, PlanLine>;
	readonly #signed: ReadonlyMap<number, boolean>;
	/** signs are explained here */
	#legend = false;
	readonly #list = new ListReader();
	#afterBlank = true;
	/** inside the block quote of a note of ours */
	#note = false;
	/** how deep the first item stands */
	#depth: number | null = null;
	#more = false;
	#moreOpen = false;

	/**
	 * @param rows items in tables, by the number of their line
	 * @param signed lines that begin with the sign of a state, without a bullet; whether items stand beside
	 */
	constructor(
		fences: ReadonlyMap<string, number[]>,
		rows: ReadonlyMap<number, PlanLine>,
		signed: ReadonlyMap<number, boolean>,
	) {
		this.#lastFences = fences;
		this.#rows = rows;
		this.#signed = signed;
	}

	take(line: string, n: number): void {
		if (this.#insideFence(line, n)) return;
		this.#note = /^\s*>/.test(line) && (this.#note || line.includes(NOTE_MARK));
		const top = this.#depth === null || indentOf(line) <= this.#depth;
		const heading = HEADING.exec(line);
		if (this.#endsList(line)) this.#endList(heading?.[2] ?? line);
		const apart = this.#note || RULE.test(line);
		const item = apart ? null : (this.#rows.get(n) ?? this.#itemOf(line, top, this.#isListed(n)));
		if (this.#legend && item !== null && isStateName(item.text)) return;
		if (item) this.#begin(item, line);
		else if (heading) this.#heading(heading[1] ?? "", heading[2] ?? "");
		else if (line.trim() === "") this.blank();
		else this.#describe(line);
	}

	#endList(title: string): void {
		this.#list.end(title);
		this.#legend = isLegend(title);
	}

	/** A sign without a bullet is an item beside others. */
	#isListed(n: number): boolean {
		const beside = this.#signed.get(n);
		return beside === true || (beside === false && this.#item !== null && !this.#afterBlank);
	}

	#itemOf(line: string, top: boolean, listed: boolean): PlanLine | null {
		const item = readPlanLine(line, top, listed);
		const depth = indentOf(line);
		if (item !== null) {
			for (const { at, text } of this.#list.box(depth, numberOf(line)).reverse()) this.#insert(at, text);
			return item;
		}
		const text = HEADING.test(line) ? null : bulletText(line);
		const bullet = { at: this.#plan.items.length, text: text ?? "", number: numberOf(line) };
		const isItem = text !== null && this.#list.bullet(depth, bullet);
		return isItem ? { marker: " ", text } : null;
	}

	/** A bullet that a box below it has shown to be an item. */
	#insert(at: number, text: string): void {
		if (this.#plan.items.length < MAX_ITEMS)
			this.#plan.items.splice(at, 0, { marker: " ", text: cut(collapse(text)), note: null });
		else this.#more = this.#moreOpen = true;
	}

	/** A heading, a rule, a paragraph of its own. */
	#endsList(line: string): boolean {
		if (HEADING.test(line) || RULE.test(line)) return true;
		const apart = this.#afterBlank || isOpenSection(line);
		return apart && indentOf(line) === 0 && line.trim() !== "" && bulletText(line) === null;
	}

	blank(): void {
		this.#note = false;
		this.#afterBlank = true;
	}

	/** An open item beyond the cap: nothing that follows can change what the plan says. */
	get isDecided(): boolean {
		return this.#moreOpen;
	}

	/** What is beyond the cap is not shown, but an open item there stays open. */
	finish(): Plan {
		if (this.#more) {
			const text = MORE_ITEMS;
			const last = this.#plan.items.at(-1);
			const marker = this.#moreOpen || last?.marker !== "x" ? " " : "x";
			this.#plan.items.splice(-1, 1, { marker, text, note: null });
		}
		return this.#plan;
	}

	#begin({ marker, text }: PlanLine, line: string): void {
		if (this.#plan.items.length >= MAX_ITEMS) {
			this.#more = true;
			this.#moreOpen ||= marker !== "x";
			return;
		}
		this.#depth ??= indentOf(line);
		this.#item = { marker, text: cut(collapse(text)), note: null };
		this.#afterBlank = false;
		this.#plan.items.push(this.#item);
	}

	#heading(level: string, text: string): void {
		this.#item = null;
		if (level === "#") this.#plan.title ??= cut(collapse(text)) || null;
	}

	/** A line below an item, unless it stands for itself: a quote, a rule, another list, a new paragraph. */
	#describe(line: string): void {
		const item = this.#item;
		if (item === null) return;
		const indented = indentOf(line) > 0;
		const ownText = !indented && (this.#afterBlank || line.startsWith(">") || TOP_LEVEL_BULLET.test(line));
		if (ownText || RULE.test(line)) {
			this.#item = null;
			return;
		}
		this.#afterBlank = false;
		if ((item.note?.length ?? 0) >= MAX_TEXT_CHARS) return;
		const text = collapse(line).replace(NOTE_DECORATION, "");
		if (text !== "") item.note = cut(item.note === null ? text : `${item.note} ${text}`);
	}

	#insideFence(line: string, n: number): boolean {
		const fence = this.#fence;
		const found = FENCE.exec(line);
		if (fence === null) {
			if (!found) return false;
			const endsWithItem = this.#item !== null && indentOf(line) > 0;
			if (!endsWithItem && !this.#isClosed(found[1] ?? "", n)) return true;
			this.#fence = { mark: found[1] ?? "", indent: indentOf(line), insideItem: endsWithItem };
			return true;
		}
		// An item's code block ends with the item, even if the agent forgot to close it.
		if (fence.insideItem && line.trim() !== "" && indentOf(line) < fence.indent) {
			this.#fence = null;
			return this.#insideFence(line, n);
		}
		if (found?.[1]?.startsWith(fence.mark) && (found[2] ?? "").trim() === "") this.#fence = null;
		return true;
	}

	#isClosed(mark: string, n: number): boolean {
		const last = this.#lastFences.get(mark[0] ?? "") ?? [];
		return last.some((at, length) => length >= mark.length && at > n);
	}
}

/** By their character and length (up to a limit): the last line that can close such a fence. */
function lastFences(lines: readonly string[]): Map<string, number[]> {
	const last = new Map<string, number[]>();
	for (const [n, line] of lines.entries()) {
		const [, mark, info] = FENCE.exec(line) ?? [];
		if (mark === undefined || info?.trim() !== "") continue;
		const lengths = last.get(mark[0] ?? "") ?? [];
		lengths[Math.min(mark.length, FENCE_LENGTHS)] = n;
		last.set(mark[0] ?? "", lengths);
	}
	return last;
}

/** A plan that stands whole in a code fence: without the fence's two lines. */
function withoutWrapper(lines: string[]): string[] {
	const first = lines.findIndex((line) => line.trim() !== "");
	const mark = FENCE.exec(lines[first] ?? "")?.[1];
	if (mark === undefined) return lines;
	const end = lines.findIndex((line, n) => n > first && line.trim() === mark);
	return lines.map((line, n) => (n === first || n === end ? "" : line));
}

/** By their number: lines that begin with the sign of a state and no bullet, and whether such or a box stands beside. */
function signedLines(lines: readonly string[]): Map<number, boolean> {
	const isOne = (line = "") => beginsWithSign(line) || readPlanLine(line, true) !== null;
	return new Map(
		lines.flatMap((line, n) =>
			beginsWithSign(line) ? [[n, isOne(lines[n - 1]) || isOne(lines[n + 1])]] : [],
		),
	);
}

/** Items in tables, by the number of their line. */
function tableRows(lines: readonly string[]): Map<number, PlanLine> {
	const rows = new Map<number, PlanLine>();
	for (let from = 0; from < lines.length; from++) {
		let end = from;
		const bare = isRule(lines[from + 1] ?? "") && isBareRow(lines[from] ?? "");
		while (isTableLine(lines[end] ?? "") || (bare && isBareRow(lines[end] ?? ""))) end++;
		if (end === from) continue;
		for (const row of readTable(lines.slice(from, end))) rows.set(from + row.line, row);
		from = end - 1;
	}
	return rows;
}

function* linesOf(text: string): Generator<string> {
	let from = text.startsWith("\uFEFF") ? 1 : 0;
	while (from <= text.length) {
		const at = text.indexOf("\n", from);
		const end = at < 0 ? text.length : at;
		yield text.slice(from, Math.min(end, from + MAX_LINE_CHARS)).replace(/\r$/, "");
		from = end + 1;
	}
}

/** "3." of a numbered list */
function numberOf(line: string): number | null {
	const [, digits] = /^\s*(\d{1,9})[.)．]\s/.exec(line) ?? [];
	return digits === undefined ? null : Number(digits);
}

function indentOf(line: string): number {
	return line.length - line.trimStart().length;
}

/** A user's item on one line, without the bullet and the marker that it may carry, as long as a plan's may be. */
export function plainItemText(item: string): string {
	return cut(givenText(item));
}

function givenText(item: string): string {
	return collapse(collapse(item).replace(GIVEN_MARKER, ""));
}

/** One line without control characters: plans are shown on terminals. */
function collapse(text: string): string {
	return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

function cut(text: string): string {
	return cutText(text, MAX_TEXT_CHARS);
}
