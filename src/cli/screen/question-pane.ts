/** A question on the screen, all of it, and how much of it is out of sight. Pure. */
import { optionsOf } from "../../task/question-options.ts";
import type { Output } from "../show/output.ts";
import { type Pane, type Row, rowsOfLines } from "./pane.ts";
import { longestFitting, widthOf, wrapRows } from "./text.ts";

type Colors = Output["colors"];

const OPTION_INDENT = 5;

interface Wrapped {
	question: string;
	columns: number;
	lead: Row[];
	/** the rows of each */
	options: Row[][];
}

/** A question is wrapped once for a width: it is measured and drawn every second. */
let last: Wrapped | null = null;

function wrapped(question: string, columns: number): Wrapped {
	if (last?.question === question && last.columns === columns) return last;
	const { lead, options } = optionsOf(question);
	last = {
		question,
		columns,
		lead: wrapRows(lead, columns - 2),
		options: options.map((option) => wrapRows(option, columns - OPTION_INDENT - 1)),
	};
	return last;
}

/** @returns all its rows, none wider than the screen: the text, then its options with their numbers */
export function questionRows(question: string, columns: number, colors: Colors): Row[] {
	const { lead, options } = wrapped(question, columns);
	const text = lead.map((row) => ({ ...row, text: ` ${row.text}` }));
	const first = nextLine(text);
	const choices = options.flatMap((rows, n) =>
		rows.map(({ text, at }, part) => {
			const number = `${n + 1}. `.padStart(OPTION_INDENT);
			const start = part === 0 ? colors.cyan(number) : " ".repeat(OPTION_INDENT);
			return { text: start + text, line: first + n, at };
		}),
	);
	return [...text, ...choices];
}

/** Below them, lines of which each has a row. */
export function withBelow(rows: readonly Row[], lines: readonly string[]): Row[] {
	return [
		...rows,
		...rowsOfLines(
			lines.map((line) => [line]),
			nextLine(rows),
		),
	];
}

function nextLine(rows: readonly Row[]): number {
	return (rows.at(-1)?.line ?? -1) + 1;
}

/** Lines out of sight. */
type Hidden = Pick<Pane, "above" | "below">;

/**
 * The rule below a pane: what is out of sight, and the keys that show it.
 * @param typed what is out of sight of the text below the rule
 */
export function paneRule(pane: Pane, columns: number, colors: Colors, typed: Hidden = NONE): string {
	const isCut = pane.above + pane.below + typed.above + typed.below > 0;
	if (!isCut) return colors.dim("─".repeat(columns));
	const text = longestFitting(
		[
			ruleText(inWords(pane, count), inWords(typed, count)),
			ruleText(inWords(pane, String), inWords(typed, String)),
			ruleText(inArrows(pane), inArrows(typed), "text"),
		],
		columns,
	);
	return colors.yellow(text + "─".repeat(Math.max(0, columns - widthOf(text))));
}

const NONE: Hidden = { above: 0, below: 0 };

function ruleText(question: string, typed: string, name = "your text"): string {
	const parts = [question && ` ${question}: PgUp PgDn `, typed && ` ${name}: ${typed} `];
	return `──${parts.filter(Boolean).join("──")}`;
}

function inWords({ above, below }: Hidden, counted: (lines: number) => string): string {
	return [above > 0 ? `${counted(above)} above` : "", below > 0 ? `${counted(below)} below` : ""]
		.filter(Boolean)
		.join(", ");
}

function inArrows({ above, below }: Hidden): string {
	return [above > 0 ? `${above}↑` : "", below > 0 ? `${below}↓` : ""].filter(Boolean).join(" ");
}

function count(lines: number): string {
	return `${lines} ${lines === 1 ? "line" : "lines"}`;
}
