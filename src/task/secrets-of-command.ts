/** What is secret in a command line of the user's own: assignments and options, by their names. */
import { isSecretName } from "./secret-name.ts";
import { rememberSecret, withoutSecrets } from "./secrets.ts";

const HIDDEN = "***";

const VALUE = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s;&|)"'\\])+/y;
/** A name where a word begins, quotes of an inner command line included, up to its value. */
const ASSIGNMENT = /(?<![\w.$/:@%+?-])([A-Za-z_]\w*)=/g;
/** `my-cli --api-key x` has one option, and `--verbose --api-key x` gives the first no value. */
const OPTION = /(?<![\w.-])(--?[A-Za-z][\w-]*)(?:=| +(?!-))/g;

/** `-H "X-Api-Key: x"`: its value goes on to the quote. */
const HEADER = /(?<![\w.-])([A-Za-z][\w-]*): */g;
const HEADER_VALUE = /[^"'\n]+/y;

interface Place {
	name: string;
	/** as it is written */
	value: string;
	start: number;
	/** every shell that runs it hands it on: it stands there as long as the program runs */
	isArgument: boolean;
}

/** A command line as it may be shown: assignments and options keep their names and lose their values. */
export function shownCommand(line: string): string {
	let shown = "";
	let end = 0;
	for (const { start, value } of secretsOf(line)) {
		if (start < end) continue;
		shown += line.slice(end, start) + HIDDEN;
		end = start + value.length;
	}
	return withoutSecrets(shown + line.slice(end));
}

/** Remembers the values that `shownCommand` would hide by their name. */
export function rememberCommand(line: string): void {
	for (const { name, value } of secretsOf(line)) {
		rememberSecret(name, unquoted(value));
		// The quote behind it may be that of the line around it: `sh -c 'KEY=x'`.
		rememberSecret(name, /^[^"']*/.exec(value)?.[0]);
	}
}

/** Assignments at the beginning of a line, and one of them whose value no shell has to work out. */
const PREFIX = /^[ \t]*(?:env[ \t]+(?:(?:-u[ \t]*|--unset[= ][ \t]*)\w+[ \t]+|--[ \t]+)*)?/;
const UNSET = /(?:-u[ \t]*|--unset[= ][ \t]*)(\w+)/g;
const LITERAL = /^([A-Za-z_]\w*)=("[^"\\$`]*"|'[^']*'|[\w.,:/@%+=^-]+)[ \t]+/;
const NO_COMMAND = /^(?:[|;&()<>\n]|$)/;

/**
 * Everybody on the machine reads command lines (`ps`), nobody else an environment: secrets that a line assigns at its
 * beginning (`KEY=x agent`, `env KEY=x agent`) are to be set in the environment of the shell that runs it.
 * @returns the line without them; everything else stays in it
 */
export function withoutAssignedSecrets(line: string): { line: string; env: Record<string, string> } {
	const env: Record<string, string> = {};
	let kept = PREFIX.exec(line)?.[0] ?? "";
	let rest = line.slice(kept.length);
	for (let found = LITERAL.exec(rest); found !== null; found = LITERAL.exec(rest)) {
		const [whole, name = "", value = ""] = found;
		if (holdsSecret(name, unquoted(value))) env[name] = unquoted(value);
		else kept += whole;
		rest = rest.slice(whole.length);
	}
	const unset = [...(PREFIX.exec(line)?.[0] ?? "").matchAll(UNSET)].map(([, name]) => name);
	// Set for the whole line, one would be filled in where the line's own shell means another, or none.
	const meansOther = (name: string) => unset.includes(name) || isRead(name, filledIn(rest));
	const stays = NO_COMMAND.test(rest) || Object.keys(env).some(meansOther);
	return stays ? { line, env: {} } : { line: kept + rest, env };
}

/** What its own shell reads: all but what stands in single quotes. */
function filledIn(line: string): string {
	return line.replace(/"(?:[^"\\]|\\.)*"|\\.|'[^']*'/gs, (part) => (part.startsWith("'") ? "" : part));
}

function isRead(name: string, text: string): boolean {
	return new RegExp(`\\$(?:${name}(?!\\w)|\\{[#!]?${name}(?!\\w))`).test(text);
}

/** By the shell: an assignment stands there while the program starts only, an argument as long as it runs. */
const FILLED_IN = /^\$(?:\w+$|\{\w+\}$|\()/;

/** Names of the secrets that stand in a command line, where everybody on the machine sees them (`ps`). */
export function secretsInCommand(given: string): string[] {
	const { line, env } = withoutAssignedSecrets(given);
	const written = secretsOf(line).filter(
		({ isArgument, value }) => isArgument || !FILLED_IN.test(unquoted(value)),
	);
	// `A_KEY=x sh -c 'agent "$A_KEY"'` gives it to the agent as an argument.
	const handedOn = Object.keys(env).filter((name) => isRead(name, line));
	return [...new Set([...written.map(({ name }) => name), ...handedOn])];
}

/** In the order of their places, which may lie inside of each other. */
function secretsOf(line: string): Place[] {
	const isSecret = ({ name }: Place) => isSecretName(name.replace(/^-+/, ""));
	const isSecretHeader = (place: Place) => isSecret(place) || /^authorization$/i.test(place.name);
	return [
		...placesOf(line, ASSIGNMENT, VALUE, false).filter(({ name, value }) =>
			holdsSecret(name, unquoted(value)),
		),
		...placesOf(line, OPTION, VALUE, true).filter(isSecret),
		...placesOf(line, HEADER, HEADER_VALUE, true).filter(isSecretHeader),
	].sort((a, b) => a.start - b.start);
}

function placesOf(line: string, names: RegExp, values: RegExp, isArgument: boolean): Place[] {
	return [...line.matchAll(names)].flatMap(({ 0: whole, 1: name = "", index }): Place[] => {
		const start = index + whole.length;
		values.lastIndex = start;
		const value = values.exec(line)?.[0];
		return value === undefined ? [] : [{ name, value, start, isArgument }];
	});
}

function unquoted(value: string): string {
	return value.replace(/^(["'])([\s\S]*)\1$/, "$2");
}

/** None: `IS_SANDBOX=1`, `LANG=C`, `HOME=/srv/ann`: a switch, a word or a place. */
function holdsSecret(name: string, value: string): boolean {
	return isSecretName(name) || looksRandom(value);
}

function looksRandom(value: string): boolean {
	return value.length >= 16 && !value.includes("/") && /\d/.test(value) && /[a-z]/i.test(value);
}
