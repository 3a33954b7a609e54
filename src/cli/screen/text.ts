/** Text in columns of a terminal: wide characters take two, combining ones none. */
import stringWidth from "string-width";
import { withoutSecrets } from "../../task/secrets.ts";
import { oneLine } from "../show/output.ts";

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** One line of foreign text, at most so many columns. */
export function foreign(text: string, columns: number): string {
	return clip(oneLine(withoutSecrets(text)), columns);
}

/** A line of our own, at most so many columns; cut with `…`. */
export function clip(line: string, columns: number): string {
	if (columns <= 0) return "";
	if (stringWidth(line) <= columns) return line;
	let width = 0;
	let kept = "";
	for (const { segment } of graphemes.segment(line)) {
		width += stringWidth(segment);
		if (width > columns - 1) break;
		kept += segment;
	}
	return `${kept}…`;
}

/** As `clip`, filled with spaces. */
export function pad(text: string, columns: number): string {
	const line = clip(text, columns);
	return line + " ".repeat(Math.max(0, columns - stringWidth(line)));
}

/** Foreign text over several lines of at most so many columns; words stay whole where they can. */
export function wrap(text: string, columns: number): string[] {
	return withoutSecrets(text)
		.split("\n")
		.flatMap((line) => {
			const rows: string[] = [];
			let row = "";
			for (const word of oneLine(line).split(" ")) {
				const longer = row === "" ? word : `${row} ${word}`;
				if (stringWidth(longer) <= columns) row = longer;
				else {
					if (row !== "") rows.push(row);
					row = clip(word, columns);
				}
			}
			return [...rows, row];
		});
}
