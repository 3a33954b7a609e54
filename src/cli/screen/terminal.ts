/** The terminal while a screen is drawn: given back as it was, whatever ends the program. */
import { emitKeypressEvents } from "node:readline";
import { plainLine } from "../../task/clean-text.ts";
import { clipPainted } from "./text.ts";
import { dropTypedAhead } from "./typed-ahead.ts";

/** Without autowrap (?7): what a terminal draws wider than it was measured goes on in no other row. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h";
const LEAVE = "\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l";
/** A paste of which nothing more has come for so long has no end: Ctrl-C is a key again. */
const PASTE_REST_MS = 1_000;

export interface Key {
	/** what was typed; empty for keys that type nothing */
	text: string;
	/** Node's name of it; `paste`: all of a paste */
	name: string;
	ctrl: boolean;
	/** with Alt */
	meta: boolean;
	/** it came at once with others that type something else: these are words, and nobody pressed a key of a list */
	burst?: boolean;
}

/** A letter with Ctrl or Alt: never that letter as a command. */
export function isChord({ name, ctrl, meta }: Key): boolean {
	return (ctrl || meta) && name.length === 1;
}

function typesOne({ text, name, ctrl, meta }: Key): boolean {
	return name !== "paste" && !ctrl && !meta && text >= " " && text !== "\x7f" && !text.startsWith("\x1b");
}

/** Said where something was typed before the screen was there to take it. */
export const DROPPED = "What was typed too early was dropped.";

export interface Size {
	columns: number;
	rows: number;
}

export interface Frame {
	lines: readonly string[];
	/** from 0; null: none is shown */
	caret: { row: number; column: number } | null;
}

/** Whether a screen can be drawn and worked with. A dumb terminal gets lines. */
export function canDraw(
	env: Readonly<Record<string, string | undefined>>,
	out: NodeJS.WriteStream = process.stdout,
): boolean {
	return out.isTTY === true && env.TERM !== "dumb" && env.TERM !== "";
}

export class Terminal {
	#shown: readonly string[] = [];
	#cursor = "";
	/** what has come of a paste, and when; null: none is on its way */
	#paste: { text: string; at: number } | null = null;
	/** what was read at once, and is not pressed yet; null: nothing is being read */
	#chunk: Key[] | null = null;
	#open = false;
	#isAside = false;
	readonly #held: (string | Error)[] = [];
	readonly #keys: ((key: Key) => void) | null;
	readonly #resized: () => void;
	readonly #dropped: () => void;
	readonly #out: NodeJS.WriteStream;
	readonly #restore = () => this.close();

	/**
	 * @param keys null: nobody types (stdin is no terminal)
	 * @param dropped called where something was typed before it opened, or opened again: it reaches no key
	 * @param out where it is drawn; default: stdout
	 */
	constructor(options: {
		keys: ((key: Key) => void) | null;
		resized: () => void;
		dropped: () => void;
		out?: NodeJS.WriteStream;
	}) {
		this.#out = options.out ?? process.stdout;
		this.#keys = process.stdin.isTTY === true ? options.keys : null;
		this.#dropped = options.dropped;
		this.#resized = () => {
			this.#forget();
			options.resized();
		};
	}

	get size(): Size {
		return { columns: this.#out.columns || 80, rows: this.#out.rows || 24 };
	}

	open(): void {
		this.#open = true;
		this.#isAside = false;
		this.#forget();
		process.once("exit", this.#restore);
		this.#out.on("resize", this.#resized);
		process.on("SIGTSTP", this.#suspend);
		process.on("SIGCONT", this.#resume);
		this.#holdRemarks();
		this.#out.write(ENTER);
		if (this.#keys === null) return;
		emitKeypressEvents(process.stdin);
		process.stdin.setRawMode(true);
		// Before anything reads: a line that was typed for a shell is no answer, and no command of a list.
		if (dropTypedAhead()) this.#dropped();
		process.stdin.prependListener("data", this.#beginChunk);
		process.stdin.on("keypress", this.#pressed);
		process.stdin.on("data", this.#endChunk);
		process.stdin.resume();
	}

	/**
	 * Only lines that changed are written, all in one piece: nothing flickers. Each is erased first: behind a full one
	 * the cursor stands on its last character. None goes on in the next row, whatever it holds.
	 */
	draw({ lines, caret }: Frame): void {
		if (!this.#open) return;
		const { columns } = this.size;
		const all = this.#shown.length !== lines.length;
		const changed = lines.flatMap((line, row) =>
			all || line !== this.#shown[row]
				? [`\x1b[${row + 1};1H\x1b[K${clipPainted(plainLine(line, true), columns)}\x1b[0m`]
				: [],
		);
		const place = caret === null ? "\x1b[?25l" : `\x1b[${caret.row + 1};${caret.column + 1}H\x1b[?25h`;
		if (changed.length === 0 && place === this.#cursor) return;
		this.#shown = [...lines];
		this.#cursor = place;
		this.#out.write(`\x1b[?25l${all ? "\x1b[2J" : ""}${changed.join("")}${place}`);
	}

	/**
	 * What was typed before the picture was drawn that stands there now is for none of its keys.
	 * @returns whether there was something
	 */
	drop(): boolean {
		if (this.#keys === null) return false;
		const isRead = (this.#chunk ?? []).splice(0).length > 0;
		return dropTypedAhead() || isRead;
	}

	/** Gives the terminal away for a while, and takes it back, unless the screen has ended by then. */
	async aside<T>(work: () => Promise<T>): Promise<T> {
		this.#leave();
		this.#isAside = true;
		try {
			return await work();
		} finally {
			if (this.#isAside) {
				this.open();
				this.#resized();
			}
		}
	}

	close(): void {
		this.#isAside = false;
		this.#leave();
		process.off("SIGCONT", this.#resume);
	}

	/**
	 * The shell gets its terminal as it was. By the signal itself, without a handler: the system stops nobody whom no
	 * shell could bring back, and then the picture is there again at once.
	 */
	readonly #suspend = () => {
		this.#leave();
		process.kill(process.pid, "SIGTSTP");
		this.#resume();
	};

	/** The shell may have changed the terminal meanwhile: all is asked for again. */
	readonly #resume = () => {
		process.off("SIGCONT", this.#resume);
		this.#leave();
		this.open();
		this.#resized();
	};

	#leave(): void {
		if (!this.#open) return;
		this.#open = false;
		process.off("exit", this.#restore);
		process.off("SIGTSTP", this.#suspend);
		process.off("SIGCONT", this.#resume);
		this.#out.off("resize", this.#resized);
		if (this.#keys !== null) {
			process.stdin.off("data", this.#beginChunk);
			process.stdin.off("keypress", this.#pressed);
			process.stdin.off("data", this.#endChunk);
			this.#chunk = null;
			// The rest of it is for no shell.
			if (this.#paste !== null) dropTypedAhead();
			process.stdin.setRawMode(false);
			process.stdin.pause();
		}
		this.#out.write(LEAVE);
		this.#tellRemarks();
	}

	#forget(): void {
		this.#shown = [];
		this.#cursor = "";
	}

	/** Nobody writes over the picture: what is said meanwhile, by Node too, is told when it has ended. */
	#holdRemarks(): void {
		const { stderr } = process;
		const write = stderr.write;
		const warned = process.listeners("warning");
		process.removeAllListeners("warning");
		const hold = (warning: Error) => this.#held.push(warning);
		process.on("warning", hold);
		stderr.write = ((...args: Parameters<typeof write>) => {
			const [text] = args;
			// A bell is no line.
			if (typeof text !== "string" || !text.endsWith("\n")) return write.apply(stderr, args);
			this.#held.push(text);
			return true;
		}) as typeof write;
		this.#tellRemarks = () => {
			stderr.write = write;
			process.off("warning", hold);
			for (const listener of warned) process.on("warning", listener);
			for (const remark of this.#held.splice(0)) {
				if (typeof remark === "string") stderr.write(remark);
				else process.emit("warning", remark);
			}
		};
	}

	#tellRemarks = () => {};

	readonly #pressed = (
		text: string | undefined,
		key: { name?: string; ctrl?: boolean; meta?: boolean } | undefined,
	) => {
		const name = key?.name ?? "";
		const isEnd = name === "c" && key?.ctrl === true;
		const at = performance.now();
		if (name === "paste-start") this.#paste = { text: "", at };
		else if (name === "paste-end") {
			const pasted = this.#paste?.text ?? "";
			this.#paste = null;
			this.#press({ text: pasted, name: "paste", ctrl: false, meta: false });
		} else if (this.#paste !== null && !(isEnd && at - this.#paste.at > PASTE_REST_MS))
			this.#paste = { text: this.#paste.text + (text ?? ""), at };
		// A terminal that is read key by key leaves it to its program: all that the shell started together is stopped.
		else if (name === "z" && key?.ctrl === true) process.kill(0, "SIGTSTP");
		else this.#press({ text: text ?? "", name, ctrl: key?.ctrl === true, meta: key?.meta === true });
	};

	readonly #beginChunk = () => {
		this.#chunk = [];
	};

	#press(key: Key): void {
		if (this.#chunk === null) this.#keys?.(key);
		else this.#chunk.push(key);
	}

	readonly #endChunk = () => {
		const chunk = this.#chunk ?? [];
		const burst = new Set(chunk.filter(typesOne).map(({ text }) => text)).size > 1;
		for (let key = chunk.shift(); key !== undefined; key = chunk.shift()) this.#keys?.({ ...key, burst });
		this.#chunk = null;
	};
}
