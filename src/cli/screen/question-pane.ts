/** A question on the screen, all of it: it scrolls, and says how much is out of sight. Pure. */
import { optionsOf } from "../../task/question-options.ts";
import type { Output } from "../show/output.ts";
import { longestFitting, widthOf, wrap } from "./text.ts";

type Colors = Output["colors"];

const OPTION_INDENT = 5;

export interface Pane {
	lines: string[];
	/** lines out of sight */
	above: number;
	below: number;
}

interface Wrapped {
	question: string;
	columns: number;
	lead: string[];
	/** the rows of each */
	options: string[][];
}

/** A question is wrapped once for a width: it is measured and drawn every second. */
let last: Wrapped | null = null;

function wrapped(question: string, columns: number): Wrapped {
	if (last?.question === question && last.columns === columns) return last;
	const { lead, options } = optionsOf(question);
	last = {
		question,
		columns,
		lead: wrap(lead, columns - 2),
		options: options.map((option) => wrap(option, columns - OPTION_INDENT - 1)),
	};
	return last;
}

/** @returns all its lines, none wider than the screen: the text, then its options with their numbers */
export function questionLines(question: string, columns: number, colors: Colors): string[] {
	const { lead, options } = wrapped(question, columns);
	const choices = options.flatMap((rows, n) =>
		rows.map((line, at) => {
			const number = `${n + 1}. `.padStart(OPTION_INDENT);
			return (at === 0 ? colors.cyan(number) : " ".repeat(OPTION_INDENT)) + line;
		}),
	);
	return [...lead.map((line) => ` ${line}`), ...choices];
}

/** @param from the first line in sight; beyond the end it is the end */
export function paneOf(lines: readonly string[], rows: number, from: number): Pane {
	const above = Math.max(0, Math.min(from, lines.length - rows));
	const inSight = lines.slice(above, above + rows);
	return { lines: inSight, above, below: lines.length - above - inSight.length };
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
