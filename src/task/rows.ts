/** Text in rows of a terminal, which never breaks one itself: what goes on in the next row would stand where ours begin. */

/** Further than any line of ours begins behind another one. */
const INDENT = "    ";
const LEAST_ROOM = 8;
const TAB_COLUMNS = 8;
const MOST_ACCENTS = 8;
/** They may take two columns; what is beyond the basic plane has two units as well. */
const WIDE = /[\u1100-\ud7ff\ue000-\uffff]/g;
const COLOR = /\x1b\[[\d;]*m/g;
/** `dispatch answer ID --seq 2 "…"`, beside what stands in backticks: no more than ours hold, since a foreign text may hold one, too. */
const COMMAND =
	/dispatch(?: [a-z\d][a-z\d-]{0,63}(?![a-z\d-])){1,2}(?: --[a-z-]{1,16}(?:[ =][a-z\d][a-z\d-]{0,63})?){0,2}(?: "…")?/;
const WORDS = /(?<=[ \t])/;
const COMMANDS_AND_WORDS = new RegExp(
	`[(\`]?(?:${COMMAND.source}|\`[^\`]*\`)[^ \\t]*[ \\t]?|[^ \\t]*[ \\t]|[^ \\t]+`,
	"g",
);
const ENDS_IN_COMMAND = new RegExp(`(?<![^ (\`])${COMMAND.source}[.)\`]*$`);

/**
 * Lines of ours with foreign words in them: each goes on further to the right than it begins. A command of ours stays
 * in one row, so that it can be copied. One at the end of a line that no row has room for is left to the terminal,
 * which breaks it without a line break in the copy: it is a command and an id, whoever wrote it.
 * @param room columns of the terminal; null: nothing is broken
 */
export function hanging(lines: readonly string[], room: number | null): string[] {
	if (room === null) return [...lines];
	return lines.flatMap((line) => {
		if (columnsAtMost(line) <= room) return [line];
		const blanks = /^ */.exec(line)?.[0].slice(0, room / 2) ?? "";
		const columns = room - blanks.length - INDENT.length;
		const [first = "", ...more] = inRows(commandsAndWords(line.slice(blanks.length), columns), columns);
		return [blanks + first, ...more.map((row) => blanks + INDENT + row)];
	});
}

/** At most so many columns each; between words where they can be. */
export function rowsOf(line: string, room: number): string[] {
	return inRows(
		line.split(WORDS).map((text) => ({ text, isWhole: false })),
		room,
	);
}

interface Word {
	text: string;
	/** it is not broken, however long it is */
	isWhole: boolean;
}

/** A command that has room in a row is one word. */
function commandsAndWords(line: string, room: number): Word[] {
	const end = ENDS_IN_COMMAND.exec(line)?.index ?? line.length;
	const words = (line.slice(0, end).match(COMMANDS_AND_WORDS) ?? []).flatMap((text) =>
		columnsAtMost(text.trimEnd()) <= room ? [text] : text.split(WORDS),
	);
	const last = line.slice(end);
	return [
		...words.map((text) => ({ text, isWhole: false })),
		...(last === "" ? [] : [{ text: last, isWhole: true }]),
	];
}

function inRows(words: readonly Word[], room: number): string[] {
	const columns = Math.max(LEAST_ROOM, room);
	const rows: string[] = [];
	let row = "";
	let width = 0;
	for (const { text, isWhole } of words) {
		let word = text;
		// What is blank at the end of a row is left out.
		const least = columnsAtMost(word.trimEnd());
		if (width + least > columns) {
			if (row !== "") rows.push(row.trimEnd());
			const pieces = least > columns && !isWhole ? broken(word, columns) : [word];
			rows.push(...pieces.slice(0, -1));
			row = "";
			width = 0;
			word = pieces.at(-1) ?? "";
		}
		row += word;
		width += columnsAtMost(word);
	}
	return [...rows, row.trimEnd()];
}

/** A word in pieces of as many code points as have room, whatever they are; a letter keeps its accents. */
function broken(word: string, columns: number): string[] {
	const most = /^[ -~]*\t?$/.test(word.replace(COLOR, "")) ? columns : Math.floor(columns / 2);
	const color = COLOR.source;
	const character = `(?:${color})*.(?:${color})*`;
	return (
		word.match(new RegExp(`(?:${character}){1,${most}}[\\p{Mn}\\p{Me}]{0,${MOST_ACCENTS}}`, "gsu")) ?? []
	);
}

/** Without the tables of widths, which a quick command does not load: never too few. */
function columnsAtMost(text: string): number {
	const shown = text.replace(COLOR, "");
	const tabs = shown.split("\t").length - 1;
	return shown.length + (shown.match(WIDE)?.length ?? 0) + tabs * (TAB_COLUMNS - 1);
}
