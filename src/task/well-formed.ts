/**
 * Text on its way to Redis. JavaScript's strings may hold halves of characters (lone surrogates), which
 * no UTF-8 has and which Lua's JSON refuses: here, at the one door, they become U+FFFD.
 */

/** In JSON only a half of a character is written as an escape of this range; `\\` is skipped as a pair. */
const ESCAPE = /\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|[\s\S])/g;
const HALF = /^\\u[dD]/;

/** `JSON.stringify` whose result any reader of JSON takes: texts and names in it are well formed. */
export function toJson(value: unknown): string {
	const text = JSON.stringify(value);
	if (!text.includes("\\ud")) return text;
	return text.replace(ESCAPE, (found) => (HALF.test(found) ? "\ufffd" : found));
}
