/** The name of a task: from the words of its prompt, or the user's own (`--id`). */
import { randomInt } from "node:crypto";
import { cutText } from "./cut-text.ts";
import { DispatchError } from "./errors.ts";

const MAX_WORDS = 4;
const MAX_CHARS = 48;
export const MAX_GIVEN_CHARS = 64;
/** What a prompt is about stands at its beginning. */
const READ_CHARS = 2_000;

/** kebab-case of at most 64 characters: part of keys, paths and arguments */
export const ID_FORM = /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** Said around a task, not about it. */
const NOT_ABOUT_IT: readonly RegExp[] = [
	/```[\s\S]*?(?:```|$)/g,
	/\b(?:use|using|with|in|on|inside) an? (?:new |separate |git )*work-?tree\b/g,
	/\bin the background\b/g,
	/\b(?:of|in|for|to|on|across|through|from)? ?(?:this|the|my|our) (?:whole |entire )?(?:project|repo|repository|codebase|code base)\b/g,
	/\b(?:dispatch|spawn|launch|start) (?:an? |the )?(?:agent|worker|task|job)s? (?:to|that|which|for)\b/g,
	// The host and the owner of a repository.
	/\bhttps?:\/\/[^\s/]*(?:\/[^\s/]+(?=\/))?/g,
];

const MODEL_NAME =
	"(?:claude|opus|sonnet|haiku|codex|cursor|gpt|gemini|grok|composer|o[134])(?:[-. ]?v?\\d[\\w.]*)?(?:-[\\w.-]+)?";

const STOP_WORDS = new Set(
	`a an the this that these those there here it its it's is are was were be been being am do does did done
	can could would should will shall may might must please pls kindly thanks thank hello hi hey ok okay
	i i'd i'm im we you your yours my mine our ours us me he she they them their his her
	to of in on at for with without by from into onto over under via about as than then so such if when while
	and or but nor not don't doesn't just also too very really quite maybe perhaps now again
	want wants need needs like help let lets let's make makes made sure get give have has had ask use using used
	go ahead try take look some any all every each both more most other same which what who whom whose how why where
	dispatch agent model something anything everything thing things way bit lot`.split(/\s+/),
);

/**
 * A short id in kebab-case from the meaningful words of a prompt: at most 48 characters, beginning with a
 * letter. A prompt without such words gives `task-xxxx`.
 * @param random four characters of base 36
 * @param names configured models and aliases: "use quick to …" says nothing about the task
 */
export function idFromPrompt(
	prompt: string,
	random: () => string = fourRandom,
	names: readonly string[] = [],
): string {
	const words = firstWords(withoutDirectives(cutText(prompt, READ_CHARS, ""), names));
	if (words.length === 0) return `task-${random()}`;
	const named = /^[a-z]/.test(words[0] ?? "") ? words : ["task", ...words];
	let id = "";
	for (const word of named) {
		const longer = id === "" ? cutText(word, MAX_CHARS, "") : `${id}-${word}`;
		if (longer.length > MAX_CHARS) break;
		id = longer;
	}
	return id;
}

/** @throws DISPATCH_USAGE for what is not kebab-case of at most 64 characters */
export function checkId(id: string, option = "--id"): void {
	if (ID_FORM.test(id)) return;
	const shown = JSON.stringify(cutText(id, MAX_GIVEN_CHARS + 20));
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected ${option} to be lower-case letters, digits and single dashes (at most ${MAX_GIVEN_CHARS} characters), got ${shown}.`,
		{ hint: `For example: ${option} security-review` },
	);
}

/** Accents dropped, and everything that says how to work instead of what to do. */
function withoutDirectives(prompt: string, names: readonly string[]): string {
	const plain = prompt
		.normalize("NFKD")
		.replace(/\p{M}+/gu, "")
		.toLowerCase()
		.replaceAll("’", "'");
	const name = [...names.map((given) => escapeRegExp(given.toLowerCase())), MODEL_NAME].join("|");
	const directive = new RegExp(
		`(?<![\\w-])(?:use|using|with|have|ask|let|by|via|dispatch) (?:the )?(?:${name})(?![\\w./-]*\\w)(?: (?:model|alias|agent|backend))?`,
		"g",
	);
	const atStart = new RegExp(`^\\s*(?:${name}):\\s`);
	const about = plain
		.replace(/[ \t]+/g, " ")
		.replace(atStart, " ")
		.replace(directive, " ");
	return NOT_ABOUT_IT.reduce((text, pattern) => text.replace(pattern, " "), about);
}

/** Of the first sentence that says something; of the next one too if it is a single word. */
function firstWords(text: string): string[] {
	const words: string[] = [];
	for (const sentence of text.split(/[.!?;:](?:\s|$)|[\n\r。！？]+/)) {
		if (words.length >= 2) break;
		for (const word of sentence.match(/[a-z0-9]+(?:'[a-z]+)?/g) ?? []) {
			if (words.length === MAX_WORDS) break;
			const kept = meaningful(word);
			if (kept !== null && kept !== words.at(-1)) words.push(kept);
		}
	}
	return words;
}

function meaningful(word: string): string | null {
	if (STOP_WORDS.has(word)) return null;
	const kept = word.replace(/'.*$/, "");
	return kept.length > 1 || /\d/.test(kept) ? kept : null;
}

function escapeRegExp(text: string): string {
	return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function fourRandom(): string {
	return randomInt(36 ** 4)
		.toString(36)
		.padStart(4, "0");
}
