/**
 * Changes the text of config.yaml and keeps what the user wrote: comments, order and, wherever a change can
 * be made in place, every blank. Each change in place is read back and compared with what the YAML library
 * makes of it; where they differ, the library writes the file anew (comments and order stay all the same).
 */
import { isDeepStrictEqual } from "node:util";
import { Document, isMap, isNode, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";

type Value = string | boolean | Readonly<Record<string, unknown>>;

/** Sets what stands at `path`, from the top; null removes it. */
export interface ConfigChange {
	path: readonly [string, ...string[]];
	value: Value | null;
}

const READING = { version: "1.2", merge: true } as const;
/** Long lines stay lines. */
const WRITING = { lineWidth: 0 } as const;

/** @param text YAML that loads as a config */
export function editConfig(text: string, changes: readonly ConfigChange[]): string {
	return changes.reduce(applyChange, text);
}

function applyChange(text: string, change: ConfigChange): string {
	const rewritten = readDocument(text);
	changeDocument(rewritten, change);
	const inPlace = changeInPlace(text, change);
	if (inPlace !== null && says(inPlace, rewritten)) return inPlace;
	return rewritten.toString(WRITING);
}

export function readDocument(text: string): Document {
	return parseDocument(text, READING);
}

function says(text: string, expected: Document): boolean {
	const document = readDocument(text);
	return document.errors.length === 0 && isDeepStrictEqual(document.toJS(), expected.toJS());
}

function changeDocument(document: Document, { path, value }: ConfigChange): void {
	if (value === null) {
		document.deleteIn(path);
		return;
	}
	if (!isMap(document.contents)) document.contents = document.createNode({});
	for (let length = 1; length < path.length; length++) {
		const there = document.getIn(path.slice(0, length), true);
		if (isMap(there)) continue;
		// `models:` without entries is null, which takes none; its comments go on.
		const section = document.createNode({});
		if (isScalar(there) && there.comment) section.commentBefore = there.comment;
		document.setIn(path.slice(0, length), section);
	}
	document.setIn(path, isScalar(document.getIn(path, true)) ? value : document.createNode(value));
}

function changeInPlace(text: string, { path, value }: ConfigChange): string | null {
	const document = readDocument(text);
	const key = path.at(-1) ?? "";
	const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
	const pair = isMap(parent) ? pairOf(parent, key) : undefined;
	if (value === null) return pair === undefined ? text : withoutPair(text, parent as YAMLMap, pair);
	if (pair !== undefined) return typeof value === "string" ? withScalar(text, pair, value) : null;
	if (isMap(parent) && !parent.flow && parent.items.length > 0)
		return withEntry(text, parent, entryLines(key, value));
	const [section] = path;
	const head = isMap(document.contents) ? pairOf(document.contents, section) : undefined;
	if (path.length !== 2 || (head !== undefined && !isNothing(head.value))) return null;
	if (head !== undefined) return behindKey(text, head, entryLines(key, value));
	const gap = text === "" || text.endsWith("\n\n") ? "" : text.endsWith("\n") ? "\n" : "\n\n";
	return `${text}${gap}${section}:\n${indented(entryLines(key, value), 2)}`;
}

function isNothing(value: unknown): boolean {
	return value === null || (isScalar(value) && value.value === null);
}

export function pairOf(map: YAMLMap, key: string): Pair | undefined {
	return map.items.find((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === key);
}

/** As block lines: a model's few words on one line, a text of several lines as a block. */
function entryLines(key: string, value: Value): string {
	const document = new Document({ [key]: value });
	const inner = document.get(key, true);
	const isShort =
		typeof value === "object" && Object.keys(value).every((name) => /^(?:backend|id)$/.test(name));
	if (isMap(inner) && isShort) inner.flow = true;
	return document.toString(WRITING);
}

function indented(lines: string, columns: number): string {
	return lines.replace(/^(?=.)/gm, " ".repeat(columns));
}

/** Behind the last entry; comments that follow it stay where they are, behind the new one. */
function withEntry(text: string, map: YAMLMap, lines: string): string | null {
	const first = map.items[0]?.key;
	const end = endOf(map.items.at(-1));
	if (!isNode(first) || !first.range || end === null) return null;
	const column = first.range[0] - lineStart(text, first.range[0]);
	const at = nextLine(text, end);
	const gap = at > 0 && text[at - 1] !== "\n" ? "\n" : "";
	return text.slice(0, at) + gap + indented(lines, column) + text.slice(at);
}

/** The first entry of a section that has only comments. */
function behindKey(text: string, section: Pair, lines: string): string | null {
	if (!isNode(section.key) || !section.key.range) return null;
	const at = nextLine(text, section.key.range[1]);
	const gap = at > 0 && text[at - 1] !== "\n" ? "\n" : "";
	return text.slice(0, at) + gap + indented(lines, 2) + text.slice(at);
}

/** Whole lines only: an entry of `{ … }` is left to the library. */
function withoutPair(text: string, map: YAMLMap, pair: Pair): string | null {
	const end = endOf(pair);
	if (map.flow || map.items.length < 2 || !isNode(pair.key) || !pair.key.range || end === null) return null;
	return text.slice(0, lineStart(text, pair.key.range[0])) + text.slice(nextLine(text, end));
}

/** Only what differs is replaced, so that a folded command keeps its lines; else the whole value. */
function withScalar(text: string, pair: Pair, value: string): string | null {
	if (!isScalar(pair.value) || !pair.value.range || typeof pair.value.value !== "string") return null;
	const [from, to] = pair.value.range;
	const source = text.slice(from, to);
	const { start, removed, added } = difference(pair.value.value, value);
	const at = removed === "" ? -1 : source.indexOf(removed);
	if (start > 0 && at >= 0 && source.indexOf(removed, at + 1) < 0)
		return text.slice(0, from + at) + added + text.slice(from + at + removed.length);
	if (source.includes("\n")) return null;
	return text.slice(0, from) + new Document(value).toString(WRITING).trimEnd() + text.slice(to);
}

function difference(old: string, next: string): { start: number; removed: string; added: string } {
	let start = 0;
	while (start < old.length && old[start] === next[start]) start++;
	let end = 0;
	const most = Math.min(old.length, next.length) - start;
	while (end < most && old.at(-1 - end) === next.at(-1 - end)) end++;
	return { start, removed: old.slice(start, old.length - end), added: next.slice(start, next.length - end) };
}

/** The last character of what a pair says, without the comments behind it. */
function endOf(pair: Pair | undefined): number | null {
	if (pair === undefined) return null;
	if (isMap(pair.value) && !pair.value.flow && pair.value.items.length > 0)
		return endOf(pair.value.items.at(-1));
	const node = isNode(pair.value) && pair.value.range ? pair.value : pair.key;
	return isNode(node) && node.range ? Math.max(node.range[0], node.range[1] - 1) : null;
}

function lineStart(text: string, at: number): number {
	return text.lastIndexOf("\n", at - 1) + 1;
}

function nextLine(text: string, at: number): number {
	const end = text.indexOf("\n", at);
	return end < 0 ? text.length : end + 1;
}
