/**
 * Escape sequences (ECMA-48) in foreign text. Node's own `stripVTControlCharacters` takes quadratic time: 32 KB
 * that an agent prints (`ESC ;#;#;#…`) hold it for seconds. Here no two parts of the pattern take the same character.
 */

/** OSC, DCS, SOS, PM and APC with their string; CSI with its parameters; every other one. */
const ESCAPES = [
	String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)`,
	String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?`,
	String.raw`\x1b[ -/]*[0-~]?`,
];
/** Each of them. */
export const ESCAPE = new RegExp(ESCAPES.join("|"), "g");

/** The text without escape sequences; time grows with its length alone. Other controls stay. */
export function withoutEscapes(text: string): string {
	return text.replace(ESCAPE, "");
}
