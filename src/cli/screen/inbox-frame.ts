/** What `dispatch inbox` shows: from what is known and the size of the screen to lines. Pure. */
import type { OpenQuestion } from "../../queue/records/questions.ts";
import { formatDuration } from "../../task/duration.ts";
import { optionsOf } from "../../task/question-options.ts";
import { secondsText } from "../../task/view-times.ts";
import { type Output, oneLine } from "../show/output.ts";
import { type Answering, answerFrame, headLine, nameOf } from "./answering.ts";
import { heldLine, hintLine } from "./hints.ts";
import { moreLine, partOf } from "./list-part.ts";
import { type Page, pageFrame } from "./page.ts";
import type { Frame, Size } from "./terminal.ts";
import { clip, foreign, widthOf } from "./text.ts";

type Colors = Output["colors"];

export interface InboxModel {
	/** the oldest first */
	open: readonly OpenQuestion[];
	/** by task, where there are several owners or hosts: "ann on mini2" */
	whose: ReadonlyMap<string, string>;
	mode: InboxMode;
	/** what was done, the newest last */
	said: readonly string[];
	/** keys do nothing for a moment */
	isSettling: boolean;
	/** since when Redis does not answer, ms since the Unix epoch */
	awaySince: number | null;
	now: number;
}

export type InboxMode =
	/** a question is opened as soon as there is one */
	| { kind: "waits" }
	/** the question, not its place: others come and go above it */
	| { kind: "list"; selected: string | null }
	| { kind: "answer"; answering: Answering; askedAt: number }
	| { kind: "page"; page: Page; back: InboxMode };

const WAIT_HINTS = ["↑↓ select", "Enter answer", "? keys", "q quit"];
const ANSWER_HINTS = ["Ctrl-N next", "Esc list", "Ctrl-C quit"];
const SAID_SHOWN = 3;

/** @returns exactly `rows` lines, none wider than the screen */
export function inboxFrame(model: InboxModel, size: Size, colors: Colors): Frame {
	const { mode, open, now } = model;
	if (mode.kind === "page")
		return pageFrame(
			mode.page,
			(place) => topLine(model, ` ${mode.page.title}`, place, size, colors),
			size,
			colors,
			model.isSettling,
		);
	if (mode.kind === "answer") {
		const { task, seq } = mode.answering;
		const age = formatDuration(Math.max(0, now - mode.askedAt), 1);
		const right = open.length > 1 ? `${open.length} open ` : "";
		const whose = whoseText(model, task);
		// Ctrl-C ends every program.
		const hints = size.columns < 60 ? ANSWER_HINTS.slice(0, 2) : ANSWER_HINTS;
		const head = topLine(model, ` ${task}${whose} asks (${seq}), ${age} ago`, right, size, colors);
		return answerFrame(mode.answering, head, size, colors, model.isSettling ? null : hints);
	}
	const head = topLine(model, " dispatch inbox", `${open.length} open `, size, colors);
	const said = model.said.slice(-SAID_SHOWN).map((line) => ` ${foreign(line, size.columns - 1)}`);
	const hints = open.length > 0 ? WAIT_HINTS : WAIT_HINTS.slice(2);
	const foot = [...said, model.isSettling ? heldLine(size, colors) : hintLine(hints, size, colors)];
	const room = Math.max(1, size.rows - 1 - foot.length);
	const selected = mode.kind === "list" ? placeIn(open, mode.selected) : -1;
	const body = open.length === 0 ? emptyLines(size) : openLines(model, selected, room, size, colors);
	const filled = [...body, ...Array<string>(Math.max(0, room - body.length)).fill("")];
	return { lines: [head, ...filled.slice(0, room), ...foot].slice(0, size.rows), caret: null };
}

/** Which question it is, for good. */
export function keyOf({ task, seq, askedAt }: OpenQuestion): string {
	return nameOf(task, { seq, askedAt: new Date(askedAt).toISOString() });
}

/** Of the selected one; where that is gone, of the first. */
export function placeIn(open: readonly OpenQuestion[], selected: string | null): number {
	return Math.max(
		0,
		open.findIndex((question) => keyOf(question) === selected),
	);
}

function topLine({ awaySince }: InboxModel, left: string, right: string, size: Size, colors: Colors): string {
	if (awaySince === null) return headLine(left, right, size, colors);
	return colors.red(
		clip(` Redis is away since ${secondsText(awaySince)}; what you type stays`, size.columns),
	);
}

function emptyLines({ columns }: Size): string[] {
	return ["", clip("  No open questions. New ones come up here.", columns)];
}

function whoseText({ whose }: InboxModel, task: string): string {
	const text = whose.get(task);
	return text === undefined ? "" : ` (${oneLine(text)})`;
}

function openLines(model: InboxModel, selected: number, room: number, size: Size, colors: Colors): string[] {
	const part = partOf(model.open, Math.max(0, selected), room);
	const lines = part.inSight.map(({ task, text }, n) => {
		const mark = part.from + n === selected ? colors.cyan("›") : " ";
		const name = clip(`${task}${whoseText(model, task)}`, Math.floor(size.columns / 2));
		return `${mark}${colors.bold(name)}: ${foreign(optionsOf(text).lead, size.columns - 3 - widthOf(name))}`;
	});
	return [...lines, ...moreLine(part, size, colors)];
}
