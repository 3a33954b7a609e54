/** What a `foreach` goes through: a list, the files of a glob, or the files that changed since a ref. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { filesChangedSince, filesOfGit } from "../../process/git-files.ts";
import { whyNoDirectoryNow } from "../../process/is-directory.ts";
import { DispatchError } from "../../task/errors.ts";
import { matcherOf } from "./patterns.ts";
import type { Path } from "./read.ts";
import type { BatchTask } from "./schema.ts";

/** Nobody means more than these: a pattern that hits the wrong tree is found out before it costs. */
const MAX_LOOKED_AT = 1_000_000;
/** Where there is no git to say what is no source. */
const LEFT_OUT: ReadonlySet<string> = new Set([".git", ".dispatch", "node_modules"]);
/** Where bytes of a name are no UTF-8, this stands for them. */
const NO_TEXT = "\ufffd";
/** What would begin a line of its own, or steer a terminal. */
const NOT_IN_A_LINE = /[\p{Cc}\p{Zl}\p{Zp}]/u;

/** What stands for an item, the lines of a group, or the number of it in a text. */
export const PLACE = /\{\{\s*(item|items|index)\s*\}\}/g;

export interface Item {
	/** as it is, for paths and words of a shell line: of a file never with a dash at its beginning */
	name: string;
	/** as it stands in texts: of a file always one line */
	shown: string;
	/** of one of a list: its place in the value of `foreach` */
	at: Path | null;
}

/** What one task is for. */
export interface Group {
	/** one; with `chunk`, at most so many */
	items: readonly Item[];
	/** from 1 */
	index: number;
	isChunk: boolean;
}

export interface Found {
	groups: Group[];
	/** what it was that hit nothing: "no file has changed since main" */
	none: string;
}

type Refuse = (why: string, below?: Path) => DispatchError;

/**
 * @param directory where the files are looked for: absolute
 * @param refuse of a place within the value
 * @throws DISPATCH_USAGE
 */
export async function groupsOf(
	foreach: NonNullable<BatchTask["foreach"]>,
	directory: string,
	refuse: Refuse,
): Promise<Found> {
	const { list, glob, changed, include, exclude, chunk } = inFull(foreach);
	const below = (key: string): Path => (typeof foreach === "string" || Array.isArray(foreach) ? [] : [key]);
	const grouped = (items: Item[], none: string): Found => ({ groups: grouping(items, chunk ?? null), none });
	if (list !== undefined) {
		const items = list.map((text, n) => ({ name: text, shown: text, at: [...below("list"), n] }));
		const bad = items.find(({ name }) => name.includes("\0"));
		if (bad !== undefined) throw refuse("a NUL character can stand in no text", bad.at);
		return grouped(items, "the list is empty");
	}
	if (whyNoDirectoryNow(directory) !== null)
		throw refuse(`${directory}, where the files are looked for, is no directory`);
	const isOut =
		exclude === undefined ? () => false : await matcherOf(asList(exclude), refuse, below("exclude"), true);
	if (changed !== undefined) {
		const isIn =
			include === undefined ? () => true : await matcherOf(asList(include), refuse, below("include"), true);
		const all = await told(
			() => filesChangedSince(directory, changed),
			(why) => refuse(why, below("changed")),
		);
		const names = all.filter((name) => isIn(name) && !isOut(name) && isThere(directory, name));
		return grouped(filesAs(names, refuse), `no such file has changed since ${changed}`);
	}
	const patterns = asList(glob ?? []);
	const isHit = await matcherOf(patterns, refuse, below("glob"), false);
	const files = await told(
		async () => (await filesOfGit(directory)) ?? filesBelow(directory),
		(why) => refuse(why, below("glob")),
	);
	const folders = patterns.some((pattern) => pattern.endsWith("/")) ? foldersOf(files) : [];
	const names = [
		...files.filter((name) => isHit(name) && !isOut(name) && isThere(directory, name)),
		...folders.filter((name) => isHit(`${name}/`) && !isOut(`${name}/`)),
	];
	return grouped(filesAs(names, refuse), `nothing in ${directory} matches ${patterns.join(", ")}`);
}

function asList(patterns: string | readonly string[]): readonly string[] {
	return typeof patterns === "string" ? [patterns] : patterns;
}

function inFull(foreach: NonNullable<BatchTask["foreach"]>) {
	if (typeof foreach === "string") return { glob: foreach };
	return Array.isArray(foreach) ? { list: foreach } : foreach;
}

function grouping(items: readonly Item[], chunk: number | null): Group[] {
	const size = chunk ?? 1;
	return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => ({
		items: items.slice(n * size, (n + 1) * size),
		index: n + 1,
		isChunk: chunk !== null,
	}));
}

/** In an order that depends on nothing but the names. */
function filesAs(names: readonly string[], refuse: Refuse): Item[] {
	const odd = names.find((name) => name.includes(NO_TEXT));
	if (odd !== undefined)
		throw refuse(
			`the name of the file ${oneLineOf(odd)} is no UTF-8 text: rename it, or leave it out by \`exclude\``,
		);
	const sorted = [...new Set(names)].sort();
	return sorted
		.map((name) => (name.startsWith("-") ? `./${name}` : name))
		.map((name) => ({ name, shown: oneLineOf(name), at: null }));
}

function oneLineOf(name: string): string {
	if (!NOT_IN_A_LINE.test(name)) return name;
	return JSON.stringify(name).replace(
		/[\p{Cc}\p{Zl}\p{Zp}]/gu,
		(unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** A file that is not there is none, nor is a directory (of a submodule). */
function isThere(directory: string, name: string): boolean {
	// The text that stands for its name leads nowhere.
	if (name.includes(NO_TEXT)) return true;
	try {
		return !lstatSync(join(directory, name)).isDirectory();
	} catch {
		return false;
	}
}

/** Links are no ways to other places. */
function filesBelow(directory: string): string[] {
	const found: string[] = [];
	const folders = [""];
	for (const folder of folders) {
		for (const entry of readdirSync(join(directory, folder), { withFileTypes: true })) {
			const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
			if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) folders.push(name);
			else if (entry.isFile() || entry.isSymbolicLink()) found.push(name);
		}
		if (found.length + folders.length > MAX_LOOKED_AT)
			throw new DispatchError("DISPATCH_USAGE", `${directory} holds more than ${MAX_LOOKED_AT} files.`);
	}
	return found;
}

/** Those that hold a file. */
function foldersOf(files: readonly string[]): string[] {
	const found = new Set<string>();
	for (const name of files) {
		for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
			const folder = name.slice(0, at);
			if (found.has(folder)) break;
			found.add(folder);
		}
	}
	return [...found];
}

/** What git or the system refused, at the place that asked for it. */
async function told<T>(work: () => Promise<T>, refuse: (why: string) => DispatchError): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw refuse((error as Error).message.replace(/\.$/, ""));
	}
}
