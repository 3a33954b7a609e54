/** A small editor of several lines: a text and a cursor in it. Pure: keys in, text and rows out. */
import { plain } from "../show/output.ts";
import { besides } from "./characters.ts";
import type { Key } from "./terminal.ts";
import { type Piece, shown, shownWidth, wordPieces } from "./text.ts";

/** What is longer goes into a file. */
export const LIMIT_CHARS = 100_000;

/** What a key was: `send` is for the owner to do, `other` not the editor's. */
export type Pressed = "edited" | "send" | "other";

interface EditorView {
	rows: string[];
	caret: { row: number; column: number };
	/** rows out of sight */
	above: number;
	below: number;
}

export class Editor {
	#text = "";
	#at = 0;
	/** a column that Up and Down go back to */
	#column: number | null = null;
	readonly #history: readonly string[];
	/** where in the history; null: at the own text, which is kept meanwhile */
	#past: { at: number; own: string } | null = null;
	/** its rows, as they were laid out last */
	#laid: { text: string; columns: number; rows: Piece[] } = { text: "", columns: 0, rows: [] };

	/** @param history what was sent before, the newest last; may grow */
	constructor(history: readonly string[] = []) {
		this.#history = history;
	}

	get text(): string {
		return this.#text;
	}

	/** Whether nothing more can be typed. */
	get isFull(): boolean {
		return this.#text.length >= LIMIT_CHARS;
	}

	/** Replaces all of it; the cursor stands at the end. */
	set(text: string): void {
		this.#text = "";
		this.#at = 0;
		this.#insert(text);
	}

	/** @param columns of the rows: Up and Down go by what is seen */
	press(key: Key, columns: number): Pressed {
		const { name, ctrl, meta } = key;
		const column = this.#column;
		this.#column = null;
		if (name === "paste") return this.#insert(key.text);
		if (name === "return" && !meta) return "send";
		if (name === "return" || name === "enter") return this.#insert("\n");
		if (name === "up" || name === "down") return this.#vertical(name === "up" ? -1 : 1, columns, column);
		const target = this.#target(key);
		if (target !== null) {
			this.#at = target;
			return "edited";
		}
		const cut = this.#cut(key);
		if (cut !== null) return this.#remove(cut);
		if (ctrl || meta || plain(key.text).replace(/[\n\t]/g, "") === "") return "other";
		return this.#insert(key.text);
	}

	/** Where a key moves the cursor to; null: it moves nothing. */
	#target({ name, ctrl, meta }: Key): number | null {
		const byWord = ctrl || meta;
		if (name === "left") return byWord ? this.#wordLeft() : besides(this.#text, this.#at, -1);
		if (name === "right") return byWord ? this.#wordRight() : besides(this.#text, this.#at, 1);
		if (name === "home") return ctrl ? 0 : this.#lineStart();
		if (name === "end") return ctrl ? this.#text.length : this.#lineEnd();
		if (ctrl && name === "a") return this.#lineStart();
		if (ctrl && name === "b") return besides(this.#text, this.#at, -1);
		if (ctrl && name === "f") return besides(this.#text, this.#at, 1);
		if (meta && name === "b") return this.#wordLeft();
		if (meta && name === "f") return this.#wordRight();
		return null;
	}

	/** What a key removes; null: nothing. */
	#cut({ name, ctrl, meta }: Key): Piece | null {
		const at = this.#at;
		if (name === "backspace")
			return { from: ctrl || meta ? this.#wordLeft() : besides(this.#text, at, -1), to: at };
		if (ctrl && name === "h") return { from: besides(this.#text, at, -1), to: at };
		if (name === "delete" || (ctrl && name === "d"))
			return { from: at, to: ctrl && name === "delete" ? this.#wordRight() : besides(this.#text, at, 1) };
		if (meta && name === "d") return { from: at, to: this.#wordRight() };
		if (ctrl && name === "w") return { from: this.#blankLeft(), to: at };
		if (ctrl && name === "u") return { from: this.#lineStart() === at ? at : this.#lineStart(), to: at };
		if (ctrl && name === "k") return { from: at, to: this.#lineEnd() };
		return null;
	}

	#remove({ from, to }: Piece): Pressed {
		this.#text = this.#text.slice(0, from) + this.#text.slice(to);
		this.#at = from;
		this.#past = null;
		return "edited";
	}

	#insert(text: string): Pressed {
		const room = Math.max(0, LIMIT_CHARS - this.#text.length);
		const more = plain(text.replace(/\r\n?/g, "\n"));
		// Half of a character is none.
		const kept = more.length > room ? more.slice(0, besides(more, room, -1)) : more;
		this.#text = this.#text.slice(0, this.#at) + kept + this.#text.slice(this.#at);
		this.#at += kept.length;
		this.#past = null;
		return "edited";
	}

	#lineStart(): number {
		return this.#at === 0 ? 0 : this.#text.lastIndexOf("\n", this.#at - 1) + 1;
	}

	#lineEnd(): number {
		const end = this.#text.indexOf("\n", this.#at);
		return end === -1 ? this.#text.length : end;
	}

	#wordLeft(): number {
		let at = this.#at;
		while (at > 0 && !isWord(this.#text, at - 1)) at--;
		while (at > 0 && isWord(this.#text, at - 1)) at--;
		return at;
	}

	#wordRight(): number {
		let at = this.#at;
		while (at < this.#text.length && !isWord(this.#text, at)) at++;
		while (at < this.#text.length && isWord(this.#text, at)) at++;
		return at;
	}

	#blankLeft(): number {
		let at = this.#at;
		while (at > 0 && /\s/.test(this.#text[at - 1] ?? "")) at--;
		while (at > 0 && /\S/.test(this.#text[at - 1] ?? "")) at--;
		return at;
	}

	/** To the row above or below; from the first and the last one into what was sent before. */
	#vertical(step: -1 | 1, columns: number, wanted: number | null): Pressed {
		const rows = this.#pieces(columns);
		const here = this.#position(rows);
		const target = rows[here.row + step];
		if (target === undefined) return this.#recall(step);
		const column = wanted ?? here.column;
		let at = target.from;
		while (at < target.to) {
			const next = besides(this.#text, at, 1);
			if (next > target.to || shownWidth(this.#text.slice(target.from, next)) > column) break;
			at = next;
		}
		// The end of a row that goes on is the beginning of the next one.
		const goesOn = at === target.to && this.#text[at] !== "\n" && at < this.#text.length;
		this.#at = goesOn ? besides(this.#text, at, -1) : at;
		this.#column = column;
		return "edited";
	}

	#recall(step: -1 | 1): Pressed {
		const newest = this.#history.length;
		const own = this.#past?.own ?? this.#text;
		const at = (this.#past?.at ?? newest) + step;
		if (at < 0 || at > newest) return "edited";
		this.set(at === newest ? own : (this.#history[at] ?? ""));
		this.#past = at === newest ? null : { at, own };
		return "edited";
	}

	#pieces(columns: number): Piece[] {
		const { text, columns: before, rows: known } = this.#laid;
		if (text === this.#text && before === columns) return known;
		let start = 0;
		const rows = this.#text.split("\n").flatMap((line) => {
			const from = start;
			start += line.length + 1;
			return wordPieces(line, columns).map((piece) => ({ from: from + piece.from, to: from + piece.to }));
		});
		this.#laid = { text: this.#text, columns, rows };
		return rows;
	}

	#position(rows: readonly Piece[]): { row: number; column: number } {
		const row = Math.max(
			0,
			rows.findLastIndex(({ from }) => from <= this.#at),
		);
		return { row, column: shownWidth(this.#text.slice(rows[row]?.from ?? 0, this.#at)) };
	}

	/**
	 * What is seen of it: the rows around the cursor.
	 * @param columns of a row; the cursor may stand one behind it
	 * @param most rows
	 */
	view(columns: number, most: number): EditorView {
		const all = this.#pieces(columns);
		const { row, column } = this.#position(all);
		const from = Math.max(0, Math.min(row - most + 1, all.length - most));
		return {
			rows: all.slice(from, from + most).map((piece) => shown(this.#text.slice(piece.from, piece.to))),
			caret: { row: row - from, column },
			above: from,
			below: Math.max(0, all.length - from - most),
		};
	}
}

function isWord(text: string, at: number): boolean {
	// Halves of a character beyond the basic plane belong together.
	return /[\p{L}\p{N}\p{M}_\ud800-\udfff]/u.test(text[at] ?? "");
}
