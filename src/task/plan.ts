/** The checklist of a task as its agent keeps it in plan.md. */
import { cutText } from "./cut-text.ts";

/** " " open · "x" done · "?" blocked (question below) · "!" error (description below) */
export type Marker = " " | "x" | "?" | "!";

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
const MAX_ITEMS = 1_000;
const MAX_TEXT_CHARS = 1_000;
/** Read of one line, before spaces are collapsed. */
const MAX_LINE_CHARS = 8_000;

const ITEM = /^\s*(?:[-*+]|\d{1,9}[.)])\s+\[([ xX?!])\](?:\s+(.*))?$/;
const GIVEN_MARKER = /^(?:(?:[-*+]|\d{1,9}[.)]) )?\[[ xX?!]\] /;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*))?$/;
const FENCE = /^\s*(`{3,}|~{3,})([^`]*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const TOP_LEVEL_BULLET = /^(?:[-*+]|\d{1,9}[.)])\s/;
const NOTE_DECORATION = /^(?:[-*+>]\s+)+/;

interface Fence {
	mark: string;
	indent: number;
	insideItem: boolean;
}

/** Reads a plan as agents really write it. Never throws; takes time linear in the text. */
export function parsePlan(text: string): Plan {
	const reader = new PlanReader();
	for (const line of linesOf(text)) {
		if (!reader.take(line)) break;
	}
	return reader.plan;
}

/** @param items may carry markers and line breaks, which are dropped; empty ones are left out */
export function renderPlan(title: string, items: string[]): string {
	const lines = items
		.map(givenText)
		.filter((text) => text !== "")
		.map((text) => `- [ ] ${text}\n`);
	return `# ${collapse(title)}\n${lines.length === 0 ? "" : "\n"}${lines.join("")}`;
}

/**
 * The given items that the plan no longer holds. An item is kept if its text begins a current item's;
 * two given items need two.
 */
export function givenItemsKept(given: string[], plan: Plan): string[] {
	const free = new Set(plan.items);
	const missing = new Set<number>();
	// The longest first: "Fix" must not take the only place of "Fix tests".
	const order = given.map((item, at) => ({ at, text: cut(givenText(item)) }));
	for (const { at, text } of order.sort((a, b) => b.text.length - a.text.length)) {
		if (text === "") continue;
		const found = [...free].find((item) => item.text.startsWith(text));
		if (found === undefined) missing.add(at);
		else free.delete(found);
	}
	return given.filter((_, at) => missing.has(at));
}

export function countDone(plan: Plan): { done: number; total: number } {
	return { done: plan.items.filter((item) => item.marker === "x").length, total: plan.items.length };
}

class PlanReader {
	readonly plan: Plan = { title: null, items: [] };
	#fence: Fence | null = null;
	/** the item that lines below belong to */
	#item: PlanItem | null = null;
	#afterBlank = false;

	/** @returns false once nothing further counts */
	take(line: string): boolean {
		if (this.#insideFence(line)) return true;
		const item = ITEM.exec(line);
		if (item) return this.#begin(item[1] ?? " ", item[2] ?? "");
		const heading = HEADING.exec(line);
		if (heading) this.#heading(heading[1] ?? "", heading[2] ?? "");
		else if (line.trim() === "") this.#afterBlank = true;
		else this.#describe(line);
		return true;
	}

	#begin(marker: string, text: string): boolean {
		if (this.plan.items.length >= MAX_ITEMS) return false;
		this.#item = { marker: marker === "X" ? "x" : (marker as Marker), text: cut(collapse(text)), note: null };
		this.#afterBlank = false;
		this.plan.items.push(this.#item);
		return true;
	}

	#heading(level: string, text: string): void {
		this.#item = null;
		if (level === "#") this.plan.title ??= cut(collapse(text)) || null;
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

	#insideFence(line: string): boolean {
		const fence = this.#fence;
		const found = FENCE.exec(line);
		if (fence === null) {
			if (!found) return false;
			this.#fence = { mark: found[1] ?? "", indent: indentOf(line), insideItem: this.#item !== null };
			return true;
		}
		// An item's code block ends with the item, even if the agent forgot to close it.
		if (fence.insideItem && line.trim() !== "" && indentOf(line) < fence.indent) {
			this.#fence = null;
			return this.#insideFence(line);
		}
		if (found?.[1]?.startsWith(fence.mark) && (found[2] ?? "").trim() === "") this.#fence = null;
		return true;
	}
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

function indentOf(line: string): number {
	return line.length - line.trimStart().length;
}

/** A user's item without the bullet and the marker that it may carry. */
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
