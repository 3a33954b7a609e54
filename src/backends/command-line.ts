import { KNOWN_CLIS } from "./known.ts";
import { argumentPlace } from "./shell-line.ts";
import { ownWords, replaceFlag, takeFlag } from "./shell-words.ts";

/** Marks dispatch's shell in messages such as `dispatch: 1: claude: not found`. */
const SHELL_NAME = "dispatch";

/**
 * The user's shell line with words appended. The words travel as arguments, never inside the line, so no
 * prompt or model name is ever read by a shell.
 * @param stdin the file that becomes the stdin of the command that gets the words
 */
export function shellInvocation(
	command: string,
	words: readonly string[],
	stdin: string | null = null,
): string[] {
	const line = command.trim();
	const place = argumentPlace(line);
	// A line may say itself where they belong: `claude -p "$@" | tee log`.
	const placed = place.kind === "given" ? line : `${line} "$@"`;
	const end = place.kind === "given" ? place.end : placed.length;
	const input = stdin === null ? "" : ` <${quoted(stdin)}`;
	const whole = placed.slice(0, end) + input + placed.slice(end);
	return ["sh", "-c", whole, SHELL_NAME, ...words];
}

/** Flags count from the CLI's own word to the end of its command: others belong to `timeout`, `tee` and their like. */
function ownPart(command: string): { start: number; end: number } {
	return ownWords(
		command,
		KNOWN_CLIS.flatMap(({ programs }) => [...programs]),
	);
}

/** Whether the user's line already carries one of the flags (`--model x`, `--model=x`, `-m x`). */
export function hasFlag(command: string, ...flags: string[]): boolean {
	const { start, end } = ownPart(command);
	const own = command.slice(start, end);
	return flags.some((flag) => new RegExp(`(?:^|\\s)${flag}(?=[\\s=]|$)`).test(own));
}

/** A flag and its value, unless the user's line carries the flag already. */
export function unlessGiven(command: string, flag: string, ...values: string[]): string[] {
	return hasFlag(command, flag) ? [] : [flag, ...values];
}

/** A word that the shell takes as it is. */
function quoted(word: string): string {
	return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The user's line without some flags, and with words at its end. */
export function rewritten(
	command: string,
	without: { flags: readonly string[]; withValue: readonly string[] },
	words: readonly string[],
): string {
	const { start, end } = ownPart(command);
	let line = command.slice(start, end).trim();
	for (const flag of without.flags) {
		for (let next = replaceFlag(line, flag, ""); next !== null; next = replaceFlag(line, flag, ""))
			line = next;
	}
	for (
		let taken = takeFlag(line, without.withValue);
		taken !== null;
		taken = takeFlag(line, without.withValue)
	)
		line = taken.rest;
	const own = beforeArguments(line, words.map(quoted).join(" "));
	return [command.slice(0, start).trim(), own.trim(), command.slice(end).trim()].filter(Boolean).join(" ");
}

const GIVEN_AT_END = /"?\$(?:@|\{@\})"?$/;

function beforeArguments(line: string, added: string): string {
	const place = argumentPlace(line);
	if (place.kind !== "given") return `${line} ${added}`;
	const given = GIVEN_AT_END.exec(line.slice(0, place.end))?.index ?? place.end;
	return `${line.slice(0, given)}${added} ${line.slice(given)}`;
}

/** `--model X`, where one is wanted and the user's line names none. */
export function modelWords(
	input: { command: string; model: string | null; modelFlag: boolean },
	...flags: [string, ...string[]]
): string[] {
	if (!input.modelFlag || input.model === null || hasFlag(input.command, ...flags)) return [];
	return [flags[0], input.model];
}
