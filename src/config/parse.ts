/** From the text of config.yaml to a config; errors name file, line, column and key. */
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import type { Environment } from "../backends/cli.ts";
import { TARGET_TYPES } from "../notify/targets/index.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import { buildConfig, type Refuse } from "./build.ts";
import type { Config } from "./config.ts";
import { expectation } from "./expectation.ts";
import { type ConfigFile, configSchema, keysAt, pathsTo } from "./schema.ts";

const MAX_SHOWN_CHARS = 60;
const PLACES_SHOWN = 3;
const MAX_YAML_ALIASES = 100;

/** @throws DISPATCH_CONFIG_INVALID */
export function parseConfig(text: string, path: string, env: Environment): Config {
	return parseFile(text, path, env).config;
}

/** As `parseConfig`, with what stands in the file. @throws DISPATCH_CONFIG_INVALID */
export function parseFile(
	text: string,
	path: string,
	env: Environment,
): { file: ConfigFile; config: Config } {
	const lines = new LineCounter();
	const document = parseDocument(text, {
		lineCounter: lines,
		prettyErrors: false,
		version: "1.2",
		merge: true,
	});
	const at = (offset: number) => `${path}:${lines.linePos(offset).line}:${lines.linePos(offset).col}`;
	const refuse: Refuse = (keys, message) => {
		const named = keys.length === 0 ? "" : `${keys.map(String).join(".")}: `;
		return invalid(`${at(offsetOf(document, keys))}: ${named}${message}`);
	};
	const [fault] = document.errors;
	if (fault !== undefined) throw invalid(`${at(fault.pos[0])}: This is not valid YAML: ${fault.message}`);
	const file = readFile(document, refuse);
	return { file, config: buildConfig(file, { path, env, refuse }) };
}

/**
 * Which Redis address a text names that need not load. @returns null: none; undefined: that cannot be told
 */
export function addressIn(text: string): string | null | undefined {
	const document = parseDocument(text, { prettyErrors: false, version: "1.2", merge: true });
	const url: unknown = isMap(document.contents) ? document.getIn(["redis", "url"]) : null;
	if (typeof url === "string" && url.trim() !== "") return url;
	return isMap(document.contents) && document.errors.length === 0 ? null : undefined;
}

function readFile(document: Document, refuse: Refuse): ConfigFile {
	if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
		return {};
	if (!isMap(document.contents)) throw refuse([], "Expected keys such as default: and backends:");
	let content: unknown;
	try {
		content = document.toJS({ maxAliasCount: MAX_YAML_ALIASES });
	} catch (error) {
		throw refuse([], `The YAML cannot be resolved: ${(error as Error).message}`);
	}
	const parsed = configSchema.safeParse(content, { error: inConfig, reportInput: true });
	if (parsed.success) return parsed.data;
	const [issue] = parsed.error.issues;
	if (issue?.code !== "unrecognized_keys")
		throw refuse(issue?.path ?? [], issue?.message ?? "It cannot be read");
	const key = issue.keys[0] ?? "";
	throw refuse([...issue.path, key], `There is no such key; ${suggestion(key, keysAt(issue.path))}`);
}

function invalid(message: string): DispatchError {
	return new DispatchError(
		"DISPATCH_CONFIG_INVALID",
		message.replace(/([?!]?)[.\s]*$/, (_end, mark: string) => mark || "."),
		{
			hint: "Mend it with: dispatch config edit (a worker that is up goes by the one before until then). docs/CONFIG.md lists every key; DISPATCH_CONFIG names another file.",
		},
	);
}

/** Where the innermost key that exists stands. */
function offsetOf(document: Document, keys: readonly PropertyKey[]): number {
	for (let length = keys.length; length > 0; length--) {
		const parent = length === 1 ? document.contents : document.getIn(keys.slice(0, length - 1), true);
		if (!isMap(parent)) continue;
		const wanted = String(keys[length - 1]);
		const key = parent.items.find(
			(pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === wanted,
		)?.key;
		if (isScalar(key) && key.range) return key.range[0];
	}
	return document.contents?.range?.[0] ?? 0;
}

/** Of several forms, what a target of notifications may be is the one that a config has. */
function inConfig(issue: z.core.$ZodRawIssue): string | undefined {
	return issue.code === "invalid_union"
		? `Expected type: to be one of ${TARGET_TYPES.join(", ")}`
		: expectation(issue);
}

function suggestion(key: string, known: readonly string[]): string {
	const [nearest] = known
		.map((name) => ({ name, distance: distanceOf(cutText(key, MAX_SHOWN_CHARS, "").toLowerCase(), name) }))
		.filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
		.sort((a, b) => a.distance - b.distance);
	if (nearest !== undefined) return `did you mean "${nearest.name}"?`;
	const elsewhere = pathsTo(key);
	return elsewhere.length > 0
		? `did you mean ${elsewhere.slice(0, PLACES_SHOWN).join(" or ")}?`
		: `known are ${known.join(", ")}`;
}

/** Levenshtein's. */
function distanceOf(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, at) => at);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
		}
		row = next;
	}
	return row[b.length] ?? 0;
}
