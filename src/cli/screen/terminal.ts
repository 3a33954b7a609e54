/** The terminal while a screen is drawn: given back as it was, whatever ends the program. */
import { emitKeypressEvents } from "node:readline";

const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
const LEAVE = "\x1b[?2004l\x1b[?25h\x1b[?1049l";

export interface Key {
	/** what was typed; empty for keys that type nothing */
	text: string;
	name: string;
	ctrl: boolean;
	/** it is part of a paste */
	pasted: boolean;
}

export class Terminal {
	#shown: string[] = [];
	#pasting = false;
	#open = false;
	readonly #keys: ((key: Key) => void) | null;
	readonly #resized: () => void;
	readonly #restore = () => this.close();

	/** @param keys null: nobody types (stdin is no terminal) */
	constructor(options: { keys: ((key: Key) => void) | null; resized: () => void }) {
		this.#keys = process.stdin.isTTY === true ? options.keys : null;
		this.#resized = () => {
			this.#shown = [];
			options.resized();
		};
	}

	get size(): { columns: number; rows: number } {
		return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
	}

	open(): void {
		this.#open = true;
		process.once("exit", this.#restore);
		process.stdout.on("resize", this.#resized);
		process.stdout.write(ENTER);
		if (this.#keys === null) return;
		emitKeypressEvents(process.stdin);
		process.stdin.setRawMode(true);
		process.stdin.on("keypress", this.#pressed);
		process.stdin.resume();
	}

	/** Only lines that changed are written, all in one piece: nothing flickers. */
	draw(lines: readonly string[]): void {
		if (!this.#open) return;
		const all = this.#shown.length !== lines.length;
		const changed = lines.flatMap((line, row) =>
			all || line !== this.#shown[row] ? [`\x1b[${row + 1};1H${line}\x1b[0m\x1b[K`] : [],
		);
		this.#shown = [...lines];
		if (changed.length > 0) process.stdout.write((all ? "\x1b[2J" : "") + changed.join(""));
	}

	close(): void {
		if (!this.#open) return;
		this.#open = false;
		process.off("exit", this.#restore);
		process.stdout.off("resize", this.#resized);
		if (this.#keys !== null) {
			process.stdin.off("keypress", this.#pressed);
			process.stdin.setRawMode(false);
			process.stdin.pause();
		}
		process.stdout.write(LEAVE);
	}

	readonly #pressed = (text: string | undefined, key: { name?: string; ctrl?: boolean } | undefined) => {
		const name = key?.name ?? "";
		if (name === "paste-start" || name === "paste-end") {
			this.#pasting = name === "paste-start";
			return;
		}
		this.#keys?.({ text: text ?? "", name, ctrl: key?.ctrl === true, pasted: this.#pasting });
	};
}
