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

/** As `plain`, with every secret named. */
export function cleanText(text: string): string {
	return withoutSecrets(plain(text));
}

/** As `cleanText`, on one line, at most `limit` characters. */
export function oneLine(text: string, limit = Number.POSITIVE_INFINITY): string {
	return cutText(cleanText(text).replace(/\s+/g, " ").trim(), limit);
}
