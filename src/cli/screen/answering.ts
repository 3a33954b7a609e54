/** A question and the answer that is being typed, on the whole screen. Keys change it; the frame follows from it. */
import { chosenOption, namesNoOption, optionsOf, typedNumber } from "../../task/question-options.ts";
import type { TaskView } from "../../task/view.ts";
import { titleOf } from "../../task/view-what.ts";
import { type Output, oneLine, plain } from "../show/output.ts";
import { Editor } from "./editor.ts";
import { heldLine, hintLine } from "./hints.ts";
import { type Place, paneOf, type Row, START, scrolled } from "./pane.ts";
import { paneRule, questionRows, withBelow } from "./question-pane.ts";
import type { Frame, Key, Size } from "./terminal.ts";
import { clip, foreign, foreignEnd, pad } from "./text.ts";
import { LEAST_ROWS, ROOMY_ROWS, toldRows } from "./told-rows.ts";

type Colors = Output["colors"];

/** Words that people type to get away; as an answer they are sent at the second Enter. */
const LIKE_COMMANDS = /^\/?(skip|quit|exit|help|next|q|\?)$/i;
const PLAN_SHOWN = 7;
const FACT_CHARS = 500;
const PROMPT_COLUMNS = 3;
/** of the screen, for what is typed */
const EDITOR_SHARE = 1 / 3;

export interface Answering {
	task: string;
	seq: string;
	/** which question it is, for good: a retried task asks 001 again */
	name: string;
	question: string;
	/** ms since the Unix epoch */
	askedAt: number;
	/** what the answer is about: what was asked for and where, how far it is, and its plan */
	about: { task: string; directory: string; state: string; plan: readonly string[]; current: number };
	editor: Editor;
	/** the first place of the question in sight; null: its end */
	from: Place | null;
	/** why it takes no answer any more: then Enter sends nothing */
	gone: string | null;
	/** said once, until the next key */
	message: string | null;
	/** what was asked about once: it is sent when Enter comes again */
	unsure: string | null;
}

/** What is for the owner to do. */
export type Act =
	| { kind: "none" }
	/** `gone`: Enter was pressed, and the question takes no answer any more */
	| { kind: "send" | "gone"; text: string }
	| { kind: "editor" | "back" | "skip" | "help" };

export type OpenQuestion = TaskView["questions"][number];

export function nameOf(task: string, { seq, askedAt }: Pick<OpenQuestion, "seq" | "askedAt">): string {
	return `${task} ${seq} ${askedAt}`;
}

/** A text that lies in a file while the user's editor has it. */
interface LentDraft {
	path: string;
	/** what the editor saved last */
	saved(): string;
}

/** Texts that were begun and sent, for as long as the program runs. */
export class Drafts {
	readonly #editors = new Map<string, Editor>();
	readonly #sent: string[] = [];
	/** those that an editor of the user's has open */
	readonly #lent = new Map<string, LentDraft>();

	/** The same one for the same question, however often it is opened. */
	editorFor(name: string): Editor {
		const editor = this.#editors.get(name) ?? new Editor(this.#sent);
		this.#editors.set(name, editor);
		return editor;
	}

	/** It arrived. What was typed since then stays. */
	sent(name: string, text: string): void {
		if (this.#editors.get(name)?.text === text) this.#editors.delete(name);
		if (this.#sent.at(-1) !== text) this.#sent.push(text);
	}

	/** What was typed and never sent, to be read when the screen has gone. */
	unsentLines(): string[] {
		return [...this.#editors].flatMap(([name, editor]) => {
			const lent = this.#lent.get(name);
			const text = lent?.saved() ?? editor.text;
			if (text.trim() === "") return [];
			const [task, seq] = name.split(" ");
			const where = lent === undefined ? "" : `; your editor's file: ${lent.path}`;
			return [`Not sent to ${task} (${seq}${where}):`, ...plain(text).trimEnd().split("\n")];
		});
	}

	/** It lies in a file until it is taken back. */
	lend(name: string, lent: LentDraft): void {
		this.#lent.set(name, lent);
	}

	takeBack(name: string): void {
		this.#lent.delete(name);
	}

	/** Whether something is typed that was not sent. */
	has(name: string): boolean {
		return (this.#editors.get(name)?.text ?? "").trim() !== "";
	}
}

export function beginAnswering(view: TaskView, open: OpenQuestion, drafts: Drafts): Answering {
	const { items, done, total } = view.plan;
	const parts = [view.state, total === 0 ? "" : `${done} of ${total} done`];
	const doing = view.activity === null ? "" : ` · Last: ${oneLine(view.activity)}`;
	const name = nameOf(view.id, open);
	return {
		task: view.id,
		seq: open.seq,
		name,
		question: open.text,
		askedAt: Date.parse(open.askedAt),
		about: {
			task: oneLine(titleOf(view), FACT_CHARS),
			directory: oneLine(view.cwd, FACT_CHARS),
			state: `${parts.filter(Boolean).join(", ")}${doing}`,
			plan: items.map(({ marker, text }) => `[${marker}] ${oneLine(text)}`),
			current: Math.max(
				0,
				items.findIndex(({ marker }) => marker !== "x"),
			),
		},
		editor: drafts.editorFor(name),
		from: START,
		gone: null,
		message: null,
		unsure: null,
	};
}

export function pressAnswering(state: Answering, key: Key, size: Size): Act {
	const { unsure } = state;
	state.message = null;
	state.unsure = null;
	if (key.name === "escape") return { kind: "back" };
	if (key.name === "f1") return { kind: "help" };
	if (key.ctrl && key.name === "e") return { kind: "editor" };
	if (key.ctrl && key.name === "n") return { kind: "skip" };
	if (key.name === "pageup" || key.name === "pagedown") {
		scroll(state, key.name === "pageup" ? -1 : 1, size);
		return { kind: "none" };
	}
	if (state.editor.press(key, editorColumns(size)) !== "send") return { kind: "none" };
	const { text } = state.editor;
	if (state.gone !== null) {
		state.message = `Nothing was sent. ${state.gone}`;
		return { kind: "gone", text };
	}
	if (text.trim() === "") {
		state.message = "Nothing is typed yet.";
		return { kind: "none" };
	}
	if (LIKE_COMMANDS.test(text.trim()) && unsure !== text && !isOption(state.question, text)) {
		state.unsure = text;
		state.message = `Enter again sends “${text.trim()}” as the answer. Keys: F1`;
		return { kind: "none" };
	}
	return { kind: "send", text };
}

function isOption(question: string, text: string): boolean {
	return optionsOf(question).options.includes(text.trim());
}

function scroll(state: Answering, step: -1 | 1, size: Size): void {
	const { rows, lines } = layoutOf(state, size);
	state.from = scrolled(lines, rows, state.from, step * Math.max(1, rows - 1));
}

/** What is typed takes what the question leaves, and a share of the screen in any case. */
function layoutOf(state: Answering, size: Size, colors: Colors = PLAIN) {
	const told = toldOf(state, size);
	const least = size.rows >= ROOMY_ROWS ? 1 : 0;
	const foot = size.rows < LEAST_ROWS ? 1 : 1 + Math.max(least, told.length);
	const lines = paneLines(state, size, colors);
	const room = size.rows - 2 - foot;
	const most = Math.max(1, Math.floor(room * EDITOR_SHARE), room - lines.length);
	const typed = state.editor.view(editorColumns(size), most);
	return { lines, typed, told, foot, rows: Math.max(1, room - typed.rows.length) };
}

const PLAIN = { cyan: (text: string) => text, dim: (text: string) => text } as Colors;

function editorColumns({ columns }: Size): number {
	// One for the cursor behind a full row.
	return Math.max(2, columns - PROMPT_COLUMNS - 1);
}

/** The question; behind it where the task is, so that the question comes first on a small screen. */
function paneLines({ question, about }: Answering, { columns, rows }: Size, colors: Colors): Row[] {
	const text = questionRows(question, columns, colors);
	const from = Math.max(
		0,
		Math.min(about.current - Math.floor(PLAN_SHOWN / 2), about.plan.length - PLAN_SHOWN),
	);
	const plan = about.plan.slice(from, from + PLAN_SHOWN).map((line, n) => {
		const shown = foreign(line, columns - 4);
		return from + n === about.current ? `   ${shown}` : colors.dim(`   ${shown}`);
	});
	if (rows < ROOMY_ROWS) return text;
	const facts = [
		foreign(`Task: ${about.task}`, columns - 1),
		`In: ${foreignEnd(about.directory, columns - 1 - "In: ".length)}`,
		foreign(`Now: ${about.state}`, columns - 1),
	];
	return withBelow(text, ["", ...facts.map((fact) => colors.dim(` ${fact}`)), ...plan]);
}

/** @param more the keys of the owner, the one that leaves last; null: none is taken for a moment */
export function answerFrame(
	state: Answering,
	head: string,
	size: Size,
	colors: Colors,
	more: readonly string[] | null,
): Frame {
	const { columns, rows } = size;
	const { lines, typed, told, foot, rows: room } = layoutOf(state, size, colors);
	const pane = paneOf(lines, room, state.from);
	const filled = [...pane.lines, ...Array<string>(Math.max(0, room - pane.lines.length)).fill("")];
	const answer = typed.rows.map((row, n) => {
		const prompt = n === 0 ? " > " : "   ";
		return n === 0 ? colors.green(prompt) + row : prompt + row;
	});
	const keys =
		more === null
			? heldLine(size, colors)
			: hintLine(
					[
						"Enter send",
						...more.slice(0, -1),
						"Ctrl-J new line",
						"Ctrl-E editor",
						...more.slice(-1),
						"F1 keys",
					],
					size,
					colors,
				);
	const said = told.map((line) => colors.yellow(line));
	const blank = Array<string>(Math.max(0, foot - 1 - said.length)).fill("");
	const footLines = foot > 1 ? [...blank, ...said, keys] : [said[0] ?? keys];
	const rule = paneRule(pane, columns, colors, typed);
	return {
		lines: [head, ...filled, rule, ...answer, ...footLines].slice(0, rows),
		caret: { row: 1 + room + 1 + typed.caret.row, column: PROMPT_COLUMNS + typed.caret.column },
	};
}

function toldOf(state: Answering, size: Size): string[] {
	const told = statusText(state);
	return told === null ? [] : toldRows(told, size);
}

/** What was said last; else what Enter would send, where that is not what is typed. */
function statusText({ message, gone, question, editor }: Answering): string | null {
	if (message !== null) return message;
	if (gone !== null) return `${gone} Esc: back; what you typed is kept.`;
	if (editor.isFull) return "The answer is as long as it may be here. Put the rest into a file, and name it.";
	const chosen = chosenOption(question, editor.text);
	if (chosen !== null) return `Enter sends option ${chosen.number}: “${chosen.text}”`;
	if (!namesNoOption(question, editor.text)) return null;
	return `There is no option ${typedNumber(editor.text)}: Enter sends the text “${editor.text.trim()}”`;
}

/** The first line of a screen. */
export function headLine(left: string, right: string, { columns }: Size, colors: Colors): string {
	const end = clip(right, Math.max(0, Math.floor(columns / 2)));
	return colors.inverse(pad(clip(left, columns - end.length - 1), columns - end.length) + end);
}

/** The keys while an answer is typed. */
export const ANSWER_KEYS: readonly (readonly [string, string])[] = [
	["Enter", "send it; an option's number sends that option"],
	["Alt-Enter, Ctrl-J", "a new line (a paste keeps its lines)"],
	["← → Ctrl-← Ctrl-→", "by character, by word"],
	["Home End Ctrl-A", "to the ends of the line"],
	["↑ ↓", "by line; beyond the first and last: what was sent before"],
	["Ctrl-W Ctrl-U Ctrl-K", "delete the word, to the start, to the end"],
	["Ctrl-E", "write it in $EDITOR"],
	["PgUp PgDn", "read the question"],
];
