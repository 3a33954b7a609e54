/**
 * Foreign text as people may see it. The order is the point: escape sequences go first, since one inside a secret
 * hides it; then secrets; cuts come last, since a piece of a secret is not known as one any more.
 */
import { cutText } from "./cut-text.ts";
import { withoutEscapes } from "./escapes.ts";
import { withoutSecrets } from "./secrets.ts";

const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** As it may go to a terminal: no escape sequences, no controls but newline and tab. Secrets stay: what is typed is no foreign text. */
export function plain(text: string): string {
	return withoutEscapes(text.replaceAll("\r\n", "\n")).replace(CONTROLS, "");
}

/** Those that picocolors writes for us: none of them hides a text. */
const OWN_COLORS = /(\x1b\[(?:0|1|2|7|22|27|3[1-69]|90)m)/;
const STEERS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

/** As `plain`; with `isColored` our colours stay. */
export function plainText(text: string, isColored: boolean): string {
	if (!STEERS.test(text)) return text;
	if (!isColored) return plain(text);
	return text
		.split(OWN_COLORS)
		.map((part, n) => (n % 2 === 1 ? part : plain(part)))
		.join("");
}

/** As `plainText`, on one line; blanks stay as they are. */
export function plainLine(line: string, isColored: boolean): string {
	return plainText(line, isColored).replace(/[\n\u2028\u2029]+/g, " ");
}

/** A JSON document without what steers a terminal or ends a line; its values stay as they are. */
export function inJson(document: string): string {
	return document.replace(
		/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
		(character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

/** As `plain`, with every secret named. */
export function cleanText(text: string): string {
	return withoutSecrets(plain(text));
}

/** Of a cut a word stays whole, unless less than this part of the room would be used. */
const LEAST_PART = 0.8;

/** As `cleanText`, on one line, at most `limit` characters; what is cut is cut behind a word. */
export function oneLine(text: string, limit = Number.POSITIVE_INFINITY): string {
	const whole = cleanText(text).replace(/\s+/g, " ").trim();
	const cut = cutText(whole, limit);
	return cut.endsWith("…") && cut !== whole ? behindWord(whole, cut) : cut;
}

/** @param cut of the line, with `…`, perhaps within a word. @returns one that is no longer */
export function behindWord(line: string, cut: string): string {
	const kept = cut.slice(0, -1);
	const end = line.slice(0, kept.length + 1).lastIndexOf(" ");
	return end < kept.length * LEAST_PART ? cut : `${kept.slice(0, end).replace(/[,;:]$/, "")}…`;
}
