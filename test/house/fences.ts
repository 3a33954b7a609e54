/**
 * What a page of the docs promises in its fenced blocks:
 *   `sh`       commands, run in one shell a page, from its top to its end; each must succeed, or say `# exit code 3`
 *   `console`  `$ command` and what it prints; `…` stands for anything
 *   any block whose first comment is a path (`# tasks.yaml`) is that file
 * `<!-- not run: REASON -->` above a block keeps it from being run; docs/README.md lists these.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");
const FENCE = /(?:^<!-- not run: ([^\n]+) -->\n+)?^( *)```(\w*)\n(.*?)^\2```$/gms;
const FILE = /^(?:#!.*\n)?# ((?:~\/)?[\w./-]+\.(?:ya?ml|sh|md|json))$/m;

export interface Fence {
	page: string;
	/** of its first line between the fences */
	line: number;
	language: string;
	text: string;
	/** why the tests do not run it */
	notRun: string | null;
	/** the path that its first comment names */
	file: string | null;
}

/** Every page that people or agents read: its path below the root. */
export function pages(): string[] {
	const under = (folder: string) =>
		readdirSync(join(ROOT, folder))
			.filter((name) => name.endsWith(".md"))
			.map((name) => `${folder}/${name}`);
	return ["README.md", ...under("docs"), ...under("skill")];
}

/** The text of a page. */
export function textOf(page: string): string {
	return readFileSync(join(ROOT, page), "utf8");
}

/** The fenced blocks of a page, from its top to its end. */
export function fencesOf(page: string): Fence[] {
	const whole = textOf(page);
	return [...whole.matchAll(FENCE)].map((match) => {
		const [all, notRun = null, indent = "", language = "", text = ""] = match;
		const start = match.index + all.indexOf("```");
		return {
			page,
			line: whole.slice(0, start).split("\n").length + 1,
			language,
			text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
			notRun,
			file: fileOf(text),
		};
	});
}

function fileOf(text: string): string | null {
	const found = FILE.exec(text);
	const head = text.startsWith("#!") ? 2 : 1;
	return found?.[1] !== undefined && text.split("\n").slice(0, head).includes(`# ${found[1]}`)
		? found[1]
		: null;
}

/** The command lines of a fence of commands, without what they print. */
export function commandsOf({ language, text, file }: Fence): string[] {
	if (file !== null || text.startsWith("#!")) return [];
	const lines = text.split("\n").filter((line) => line.trim() !== "");
	if (language === "sh") return lines;
	if (language !== "console") return [];
	return lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
}
