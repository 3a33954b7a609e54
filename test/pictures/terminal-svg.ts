/** A terminal's screen as a picture: what `tmux capture-pane -e` says, with its colours, as an SVG. */

const CELL = { width: 8.4, height: 19 };
const MARGIN = { x: 18, top: 46, bottom: 16 };
const GROUND = "#0d1117";
const INK = "#c9d1d9";
const DIM = "#8b949e";
const COLORS = ["#484f58", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#c9d1d9"];
const BRIGHT = ["#6e7681", "#ffa198", "#7ee787", "#e3b341", "#a5d6ff", "#d2a8ff", "#56d4dd", "#f0f6fc"];

interface Pen {
	ink: string | null;
	ground: string | null;
	bold: boolean;
	dim: boolean;
	underlined: boolean;
	inverse: boolean;
}

interface Run {
	text: string;
	/** its first column */
	column: number;
	pen: Pen;
}

const PLAIN: Pen = { ink: null, ground: null, bold: false, dim: false, underlined: false, inverse: false };

/** @param label what it shows, for those who do not see it */
export function terminalSvg(screen: string, columns: number, label: string): string {
	const lines = screen.split("\n").flatMap((line) => wrapped(line, columns));
	const width = Math.round(2 * MARGIN.x + columns * CELL.width);
	const height = MARGIN.top + lines.length * CELL.height + MARGIN.bottom;
	let pen = PLAIN;
	const body = lines.flatMap((line, row) => {
		const read = runsOf(line, pen);
		pen = read.pen;
		return read.runs.flatMap((run) => drawn(run, row));
	});
	const lights = ["#ff5f56", "#ffbd2e", "#27c93f"].map(
		(fill, n) => `<circle cx="${20 + 20 * n}" cy="18" r="6" fill="${fill}"/>`,
	);
	return `${[
		`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}">`,
		`<rect width="${width}" height="${height}" rx="8" fill="${GROUND}"/>`,
		lights.join(""),
		'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14">',
		...body,
		"</g>",
		"</svg>",
	].join("\n")}\n`;
}

/** tmux joins what the terminal broke at its edge: the same lines again. */
function wrapped(line: string, columns: number): string[] {
	const rows = [""];
	let column = 0;
	for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
		if (part.startsWith("\x1b")) rows[rows.length - 1] += part;
		else
			for (const letter of part) {
				if (column + cells(letter) > columns) {
					rows.push("");
					column = 0;
				}
				rows[rows.length - 1] += letter;
				column += cells(letter);
			}
	}
	return rows;
}

/** The pieces of a line that look alike. @param pen as the line before left it */
function runsOf(line: string, pen: Pen): { runs: Run[]; pen: Pen } {
	const runs: Run[] = [];
	let column = 0;
	let now = pen;
	for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
		const codes = /^\x1b\[([\d;]*)m$/.exec(part)?.[1];
		if (codes !== undefined) {
			now = changed(now, codes === "" ? [0] : codes.split(";").map(Number));
			continue;
		}
		if (part !== "") runs.push({ text: part, column, pen: now });
		column += cells(part);
	}
	return { runs, pen: now };
}

/** Letters of double width are two. */
function cells(text: string): number {
	return [...text].reduce(
		(sum, letter) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]/.test(letter) ? 2 : 1),
		0,
	);
}

function changed(pen: Pen, codes: number[]): Pen {
	let next = pen;
	for (let at = 0; at < codes.length; at++) {
		const code = codes[at] ?? 0;
		if (code === 38 || code === 48) {
			const color = ofPalette(codes[at + 2] ?? 7);
			next = code === 38 ? { ...next, ink: color } : { ...next, ground: color };
			at += 2;
		} else next = changedBy(next, code);
	}
	return next;
}

function changedBy(pen: Pen, code: number): Pen {
	if (code === 0) return PLAIN;
	if (code === 1) return { ...pen, bold: true };
	if (code === 2) return { ...pen, dim: true };
	if (code === 4) return { ...pen, underlined: true };
	if (code === 7) return { ...pen, inverse: true };
	if (code === 22) return { ...pen, bold: false, dim: false };
	if (code === 24) return { ...pen, underlined: false };
	if (code === 27) return { ...pen, inverse: false };
	if (code === 39) return { ...pen, ink: null };
	if (code === 49) return { ...pen, ground: null };
	if (code >= 30 && code <= 37) return { ...pen, ink: COLORS[code - 30] ?? null };
	if (code >= 90 && code <= 97) return { ...pen, ink: BRIGHT[code - 90] ?? null };
	if (code >= 40 && code <= 47) return { ...pen, ground: COLORS[code - 40] ?? null };
	return pen;
}

function ofPalette(index: number): string {
	return (index < 8 ? COLORS[index] : BRIGHT[index - 8]) ?? INK;
}

/** Each piece stands where its column is, whatever the reader's font. */
function drawn({ text, column, pen }: Run, row: number): string[] {
	const x = round(MARGIN.x + column * CELL.width);
	const y = MARGIN.top + row * CELL.height;
	const length = round(cells(text) * CELL.width);
	const ink = pen.ink ?? (pen.dim ? DIM : INK);
	const ground = pen.inverse ? ink : pen.ground;
	const rect =
		ground === null
			? []
			: [`<rect x="${x}" y="${y - 14}" width="${length}" height="${CELL.height}" fill="${ground}"/>`];
	const style = `${pen.bold ? ' font-weight="bold"' : ""}${pen.underlined ? ' text-decoration="underline"' : ""}`;
	const fill = pen.inverse ? (pen.ground ?? GROUND) : ink;
	// Readers differ in what they do with several blanks: each word group stands by itself.
	const groups = [...text.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) => {
		const at = round(x + cells(text.slice(0, index)) * CELL.width);
		const wide = round(cells(words) * CELL.width);
		return `<text x="${at}" y="${y}" fill="${fill}"${style} textLength="${wide}" lengthAdjust="spacingAndGlyphs">${escaped(words)}</text>`;
	});
	return [...rect, ...groups];
}

function round(length: number): number {
	return Math.round(length * 10) / 10;
}

function escaped(text: string): string {
	return text
		.replaceAll("&", "&amp;")
		.replaceAll("<", "&lt;")
		.replaceAll(">", "&gt;")
		.replaceAll('"', "&quot;");
}
