/** A question on the screen, all of it: it scrolls, and says how much is out of sight. Pure. */
import { optionsOf } from "../../task/question-options.ts";
import type { Output } from "../show/output.ts";
import { clip, widthOf, wrap } from "./text.ts";

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

/** The rule below a pane: what is out of sight, and the keys that show it. */
export function paneRule({ above, below }: Pane, columns: number, colors: Colors): string {
	const parts = [above > 0 ? `${count(above)} above` : "", below > 0 ? `${count(below)} below` : ""];
	const cut = parts.filter(Boolean).join(", ");
	const text = cut === "" ? "──" : clip(`── ${cut}: PgUp PgDn `, columns);
	const rule = text + "─".repeat(Math.max(0, columns - widthOf(text)));
	return cut === "" ? colors.dim(rule) : colors.yellow(rule);
}

function count(lines: number): string {
	return `${lines} ${lines === 1 ? "line" : "lines"}`;
}
