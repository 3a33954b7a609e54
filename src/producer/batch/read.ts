/** Reads a batch file: YAML or JSON, checked, with the place of each of its values for what is found wrong later. */
import {
	type Alias,
	type Document,
	isCollection,
	isMap,
	isNode,
	LineCounter,
	parseDocument,
	visit,
	type YAMLMap,
	type YAMLSeq,
} from "yaml";
import { keepSpelling } from "../../config/yaml-text.ts";
import { DispatchError } from "../../task/errors.ts";
import { type BatchFile, checkBatch, isPlainValue } from "./schema.ts";

const LIMIT_MIB = 10;
/** What aliases expand to, all in all: `defaults` is the way to say something in thousands of tasks. */
const MAX_ALIASES = 1_000;
const TOO_DEEP = "nested too deeply to be read";

/** A key or a value of the file; where it is not there, its nearest parent. */
export type Path = readonly PropertyKey[];

export interface ReadBatch extends BatchFile {
	/** from 1 */
	lineOf(path: Path): number;
	/** "tasks.yaml:3:5: tasks[0].id"; `path` begins at the file's top: `["tasks", 0, "id"]` */
	placeOf(path: Path): string;
	/** a refusal of what stands there */
	refuse(path: Path, why: string): DispatchError;
}

/** @throws DISPATCH_USAGE naming file, line, column and key */
export function readBatch(text: string, file: string): ReadBatch {
	const lines = new LineCounter();
	const isLarge = Buffer.byteLength(text) > LIMIT_MIB * 1024 * 1024;
	if (isLarge) lines.addNewLine(0);
	const placeOf = (offset: number | undefined, path: Path) => {
		const { line, col } = lines.linePos(offset ?? 0);
		return `${file}:${line}:${col}${path.length === 0 ? "" : `: ${shownPath(path)}`}`;
	};
	const refuse = (offset: number | undefined, path: Path, why: string) =>
		new DispatchError("DISPATCH_USAGE", `${placeOf(offset, path)}: ${why}${why.endsWith("?") ? "" : "."}`, {
			hint: "Nothing was enqueued.",
		});
	if (isLarge) throw refuse(0, [], `the file is larger than ${LIMIT_MIB} MiB: split it`);
	const { document, value } = readYaml(text, lines, (offset, why) => refuse(offset, [], why));
	if (value === null) throw refuse(0, [], "the file is empty, expected a list of tasks");
	const checked = checkBatch(value);
	if (checked.kind === "wrong")
		throw refuse(offsetOf(document, checked.path), checked.path, lowerFirst(checked.why));
	// A bare list has no `tasks:` that a path could go through.
	const written = (path: Path) => (checked.isBare && path[0] === "tasks" ? path.slice(1) : path);
	return {
		...checked.file,
		lineOf: (path) => lines.linePos(offsetOf(document, written(path)) ?? 0).line,
		placeOf: (path) => placeOf(offsetOf(document, written(path)), written(path)),
		refuse: (path, why) => refuse(offsetOf(document, written(path)), written(path), why),
	};
}

/** Bounded: aliases that multiply, and nesting that no stack holds, are refused as any other fault. */
function readYaml(
	text: string,
	lineCounter: LineCounter,
	refuse: (offset: number | undefined, why: string) => DispatchError,
): { document: Document; value: unknown } {
	try {
		const document = parseDocument(text, { lineCounter, prettyErrors: false });
		const [fault] = document.errors;
		if (fault?.code === "RESOURCE_EXHAUSTION") throw refuse(fault.pos[0], TOO_DEEP);
		// First: what YAML makes of `{{item}}` has faults behind it that nobody would understand.
		const key = collectionAsKey(document);
		if (key !== undefined)
			throw refuse(
				key.range?.[0],
				isMap(key) ? "a text that begins with {{ needs quotes around it" : "a list cannot be a key",
			);
		if (fault !== undefined) throw refuse(fault.pos[0], fault.message.replace(/\.$/, ""));
		keepSpelling(document, isPlainValue);
		const lost = aliasToNothing(document);
		if (lost !== undefined)
			throw refuse(lost.range?.[0], `\`*${lost.source}\` has no \`&${lost.source}\` before it`);
		return { document, value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
	} catch (error) {
		if (error instanceof ReferenceError) throw refuse(undefined, "too many aliases (`*name`) to be expanded");
		if (error instanceof RangeError) throw refuse(undefined, TOO_DEEP);
		throw error;
	}
}

function collectionAsKey(document: Document): YAMLMap | YAMLSeq | undefined {
	let found: YAMLMap | YAMLSeq | undefined;
	visit(document, {
		Pair: (_place, { key }) => {
			if (!isCollection(key)) return undefined;
			found = key;
			return visit.BREAK;
		},
	});
	return found;
}

function aliasToNothing(document: Document): Alias | undefined {
	const anchors = new Set<string>();
	let found: Alias | undefined;
	visit(document, {
		Value: (_place, { anchor }) => {
			if (anchor !== undefined) anchors.add(anchor);
		},
		Alias: (_place, alias) => {
			if (anchors.has(alias.source)) return undefined;
			found = alias;
			return visit.BREAK;
		},
	});
	return found;
}

/** Where the value stands; for a missing one, where its nearest parent does. */
function offsetOf(document: Document, path: Path): number | undefined {
	for (let length = path.length; length >= 0; length--) {
		const steps = path.slice(0, length).map((step) => (typeof step === "symbol" ? String(step) : step));
		const parent: unknown = length === 0 ? undefined : document.getIn(steps.slice(0, -1), true);
		const pair = isMap(parent)
			? parent.items.find((item) => isNode(item.key) && String(item.key) === String(steps.at(-1)))
			: undefined;
		if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0];
		const node: unknown = length === 0 ? document.contents : document.getIn(steps, true);
		if (isNode(node)) return node.range?.[0];
	}
	return undefined;
}

function shownPath(path: Path): string {
	return path
		.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${String(step)}`))
		.join("");
}

function lowerFirst(text: string): string {
	return text.charAt(0).toLowerCase() + text.slice(1);
}
