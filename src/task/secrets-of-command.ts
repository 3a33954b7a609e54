/** What is secret in a command line of the user's own: assignments and options, by their names. */
import { oneLine, plain } from "./clean-text.ts";
import { isSecretName } from "./secret-name.ts";
import { rememberAddress, rememberSecret, withoutSecrets } from "./secrets.ts";

const HIDDEN = "***";

const VALUE = /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s;&|)"'\\])+/y;
/** A name where a word begins, quotes of an inner command line included, up to its value. */
const ASSIGNMENT = /(?<![\w.$/:@%+?-])([A-Za-z_]\w*)=/g;
/** `my-cli --api-key x` has one option, and `--verbose --api-key x` gives the first no value. */
const OPTION = /(?<![\w.-])(--?[A-Za-z][\w-]*)(?:=| +(?!-))/g;

/** `-H "X-Api-Key: x"`: its value goes on to the quote, or is a word. */
const HEADER = /(?<![\w.-])(?:-H)?([A-Za-z][\w-]*): */g;
const MEMBER = /\\{0,8}["']([A-Za-z][\w-]*)\\{0,8}["'] *: *\\{0,8}["']/g;
/** `curl -u ann:x` */
const LOGIN = /(?<![\w.-])(-u|--(?:proxy-)?user)(?:=| +)["']?[^\s"':=/]+:/g;
const GROUP = /^\d+$/;
/** How a quote is written that stands right before a place: in a line in a line, with backslashes. */
const QUOTE_BEFORE = /\\*["']$/;
const LONGEST_QUOTE = 8;
const SCHEME = /^(?:[A-Za-z][\w-]*(?:\\? )+)?/;
const ADDRESS = /[a-z][a-z0-9+.-]{0,31}:\/\/[^\s"'`<>]+/gi;
/** A shorter word of a header may be any word. */
const SHORTEST_WORD = 8;

interface Place {
	name: string;
	/** as it is written */
	value: string;
	start: number;
	/** every shell that runs it hands it on: it stands there as long as the program runs */
	isArgument: boolean;
	isHeader: boolean;
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

/**
 * As `shownCommand`, of a program that runs, by its words as the system tells them; on one line.
 * @param limit most characters of what is shown
 */
export function shownArguments(words: readonly string[], limit: number): string {
	const line = words.map((word) => asTyped(plain(word))).join(" ");
	return oneLine(shownCommand(line), limit);
}

/** A word as somebody may have typed it: `--name='two words'`. In one pair of quotes: a value is taken to end with them. */
function asTyped(word: string): string {
	if (/^[\w./:=,@%+-]*$/.test(word)) return word;
	const name = /^[\w-]+=/.exec(word)?.[0] ?? "";
	const value = word.slice(name.length);
	return name + (value.includes("'") ? `"${value.replace(/[\\"$`]/g, "\\$&")}"` : `'${value}'`);
}

/** Remembers the values that `shownCommand` would hide, and the credential in each: nobody says it with its header. */
export function rememberCommand(line: string): void {
	for (const { name, value, isHeader } of secretsOf(line)) {
		const whole = unquoted(value);
		rememberSecret(name, whole);
		// The quote behind it may be that of the line around it: `sh -c 'KEY=x'`.
		rememberSecret(name, /^[^"']*/.exec(value)?.[0]);
		if (/^(?:bearer|basic|token) /i.test(whole))
			rememberSecret(name, whole.replace(SCHEME, ""), SHORTEST_WORD);
		if (isHeader) for (const word of wordsOf(name, whole)) rememberSecret(name, word, SHORTEST_WORD);
	}
	for (const [address] of line.matchAll(ADDRESS)) rememberAddress("a command", address);
}

/** `Bearer x`, `sid=x; lang=en`: what each of them gives. */
function wordsOf(name: string, value: string): string[] {
	const credentials = /authorization$/i.test(name) ? value.replace(SCHEME, "") : value;
	return credentials.split(/[\s;,\\"']+/).flatMap((word) => [word, word.replace(/^[\w.-]+=/, "")]);
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
		...placesOf(line, ASSIGNMENT, valueAt).filter(({ name, value }) => holdsSecret(name, unquoted(value))),
		...argumentsOf(line, OPTION, valueAt).filter(isSecret),
		...argumentsOf(line, MEMBER, upToQuote).filter(isSecret),
		...argumentsOf(line, LOGIN, wordAt).filter(({ value }) => !GROUP.test(value)),
		...argumentsOf(line, HEADER, headerValue)
			.filter(isSecretHeader)
			.map((place) => ({ ...place, isHeader: true })),
	].sort((a, b) => a.start - b.start);
}

/** @param start of the value @param name where its name begins. @returns the value as it is written */
type Read = (line: string, start: number, name: number) => string | undefined;

function placesOf(line: string, names: RegExp, read: Read): Place[] {
	return [...line.matchAll(names)].flatMap(({ 0: whole, 1: name = "", index }): Place[] => {
		const start = index + whole.length;
		const value = read(line, start, index);
		return value ? [{ name, value, start, isArgument: false, isHeader: false }] : [];
	});
}

function argumentsOf(line: string, names: RegExp, read: Read): Place[] {
	return placesOf(line, names, read).map((place) => ({ ...place, isArgument: true }));
}

function valueAt(line: string, start: number): string | undefined {
	VALUE.lastIndex = start;
	return VALUE.exec(line)?.[0];
}

const BARE_WORD = /[^\s"'\\]+/y;

function wordAt(line: string, start: number): string | undefined {
	BARE_WORD.lastIndex = start;
	return BARE_WORD.exec(line)?.[0];
}

/** To the quote that is written as the one right before `at`; without such an end to the end of the line. */
function upToQuote(line: string, start: number, _name: number, at = start): string | undefined {
	const quote = QUOTE_BEFORE.exec(line.slice(Math.max(0, at - LONGEST_QUOTE), at))?.[0];
	if (quote === undefined) return undefined;
	const end = line.indexOf(quote, start);
	return line.slice(start, end < 0 ? line.length : end);
}

function headerValue(line: string, start: number, name: number): string | undefined {
	return upToQuote(line, start, name, name) ?? valueAt(line, start);
}

function unquoted(value: string): string {
	return value.replace(/^(["'])([\s\S]*)\1$/, "$2");
}

/** None: `IS_SANDBOX=1`, `LANG=C`, `HOME=/srv/ann`: a switch, a word or a place. */
function holdsSecret(name: string, value: string): boolean {
	return isSecretName(name) || looksRandom(value);
}

/** A word that nobody would choose: long, of letters and digits. */
export function looksRandom(value: string): boolean {
	return value.length >= 16 && !value.includes("/") && /\d/.test(value) && /[a-z]/i.test(value);
}
