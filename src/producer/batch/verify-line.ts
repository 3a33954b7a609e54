/** Items in `verify`: the shell gets them as values of variables, which it never reads as a line. */
import type { DispatchError } from "../../task/errors.ts";
import { type Group, PLACE } from "./items.ts";

const AS_COMMAND = String.raw`(?:^|[;&|({!\n]|\b(?:do|then|else|elif|if|while|until|command|builtin)\s)\s*`;

/** Where a value would be read again, in `sh` or where that is bash, or the end of a quote could not be told for sure. */
const NOT_WITH_ITEMS: readonly [form: RegExp, what: string][] = [
	[/<</, "a here-document"],
	[/`/, "a backtick (write $(…))"],
	[/\$'/, "$'…'"],
	[/\(\(|\$\[/, "arithmetic"],
	[/\[\[/, "[["],
	// Bash counts with what stands in its brackets: a[$(command)].
	[/\$\{\w*[^\w}]/, "more than a name in braces"],
	[/\bcase\b/, "case"],
	[/\b(?:eval|let|declare|typeset|trap|alias)\b/, "eval, let, declare, typeset, trap or alias"],
	[/\b(?:printf|test)\s+-v\b|\[\s+-v\b/, "-v of printf or test"],
	[
		new RegExp(`${AS_COMMAND}(?:read|readarray|mapfile|unset|getopts|local|export|readonly|wait)\\b`),
		"read, mapfile, unset, getopts, local, export, readonly or wait",
	],
];

/**
 * The line with `{{item}}` as one word and `{{items}}` as a word for each.
 * @throws what `refuse` makes where it would not be a word
 */
export function verifyFor(
	line: string,
	{ items, index, isChunk }: Group,
	refuse: (why: string) => DispatchError,
): string {
	const places = [...line.matchAll(PLACE)];
	if (places.every(([, name]) => name === "index")) return line.replace(PLACE, String(index));
	for (const [form, what] of NOT_WITH_ITEMS)
		if (form.test(line)) throw refuse(`cannot have an item and ${what}: put it into a script of its own`);
	for (const { 0: all, index: at } of places)
		if (!isBare(line, at)) throw refuse(`${all} is a whole word already: write it without quotes around it`);
	const names = new Set(places.map(([, name]) => name));
	if (names.has("item") && isChunk) throw refuse("with `chunk` a task has several: write {{items}}");
	const option = items.find(({ name }) => name.startsWith("-"));
	if (option !== undefined) throw refuse("an item with a dash at its beginning would be an option there");
	const values: string[] = [];
	if (names.has("item")) values.push(`_item=${quoted(items[0]?.name ?? "")}`);
	if (names.has("items")) values.push(`set -- ${items.map(({ name }) => quoted(name)).join(" ")}`);
	const words: Record<string, string> = { item: '"$_item"', items: '"$@"', index: String(index) };
	return `${values.join("; ")}; ${line.replace(PLACE, (_all, name: string) => words[name] ?? "")}`;
}

function quoted(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * Whether a place of a shell line is in no quotes and no comment, and behind no backslash. `$(…)` begins anew: what
 * stands in it is quoted by its own quotes alone.
 */
function isBare(line: string, at: number): boolean {
	const within: string[] = [];
	let i = 0;
	for (; i < at; i++) {
		const unit = line.charAt(i);
		const inner = within.at(-1) ?? "";
		if (inner === "#") unit === "\n" && within.pop();
		else if (inner === "'") unit === "'" && within.pop();
		else if (unit === "\\") i++;
		else if (unit === "(" && (inner !== '"' || line.charAt(i - 1) === "$")) within.push("(");
		else if (unit === '"') inner === '"' ? within.pop() : within.push('"');
		else if (inner === '"') continue;
		else if (unit === ")") inner === "(" && within.pop();
		else if (unit === "'") within.push("'");
		else if (unit === "#" && /^$|[\s;&|()]/.test(line.charAt(i - 1))) within.push("#");
	}
	const inner = within.at(-1) ?? "";
	return (inner === "" || inner === "(") && i === at;
}
