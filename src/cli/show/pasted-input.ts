/**
 * The keyboard for a prompt of one line. A paste of several lines stays one answer: the end of each line but the last
 * is shown as a mark, and becomes one again in `withLines`. Without it the first end would send the first line alone.
 */
import { Transform } from "node:stream";
import type { ReadStream, WriteStream } from "node:tty";

const BEGINS = "\u001b[200~";
const ENDS = "\u001b[201~";
/** Shown in place of an end of a line. */
const MARK = "⏎";

class PastedInput extends Transform {
	readonly isTTY = true;
	readonly #keyboard: ReadStream;
	#isPaste = false;
	/** the beginning of what may be one of the two words */
	#kept = "";

	constructor(keyboard: ReadStream) {
		super({ decodeStrings: false, encoding: "utf8" });
		this.#keyboard = keyboard;
	}

	setRawMode(isRaw: boolean): this {
		this.#keyboard.setRawMode(isRaw);
		return this;
	}

	override _transform(chunk: string, _encoding: string, done: () => void): void {
		let rest = this.#kept + chunk;
		this.#kept = "";
		for (;;) {
			const word = this.#isPaste ? ENDS : BEGINS;
			const at = rest.indexOf(word);
			if (at === -1) break;
			this.push(this.#shown(rest.slice(0, at)));
			rest = rest.slice(at + word.length);
			this.#isPaste = !this.#isPaste;
		}
		// Escape alone is a key: it waits for nothing.
		const kept = this.#isPaste ? begunOf(ENDS, rest) : "";
		this.#kept = kept;
		this.push(this.#shown(rest.slice(0, rest.length - kept.length)));
		done();
	}

	#shown(text: string): string {
		return this.#isPaste ? text.replace(/\r\n|\r|\n/g, MARK) : text;
	}
}

/** As much of the word as the text ends with. */
function begunOf(word: string, text: string): string {
	for (let length = word.length - 1; length > 0; length--)
		if (text.endsWith(word.slice(0, length))) return word.slice(0, length);
	return "";
}

/** @returns the text with the lines that were pasted */
function withLines(text: string): string {
	return text.replaceAll(MARK, "\n").trimEnd();
}

/** Asks with an input that takes pastes as such. @param ask is given the input; null: no answer */
export async function askWithPastes(
	screen: WriteStream,
	ask: (input: Transform) => Promise<string | null>,
): Promise<string | null> {
	const input = new PastedInput(process.stdin);
	process.stdin.setEncoding("utf8").pipe(input);
	screen.write("\u001b[?2004h");
	try {
		const said = await ask(input);
		return said === null ? null : withLines(said);
	} finally {
		screen.write("\u001b[?2004l");
		process.stdin.unpipe(input).pause();
	}
}
