/** `--write`: the figures of a whole run go into docs/PERFORMANCE.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { resolve } from "node:path";
import type { Figure } from "./figures.ts";

const PAGE = resolve("docs/PERFORMANCE.md");
const [BEGIN, END] = ["<!-- figures: npm run bench -- --write -->", "<!-- end of the figures -->"];

export function writePage(figures: readonly Figure[]): void {
	const page = readFileSync(PAGE, "utf8");
	const [before, rest] = page.split(BEGIN);
	const after = rest?.split(END)[1];
	if (before === undefined || after === undefined) throw new Error(`${PAGE} has no place for the figures`);
	writeFileSync(PAGE, [before, BEGIN, `\n${tableOf(figures)}\n`, END, after].join(""));
}

function tableOf(figures: readonly Figure[]): string {
	const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version.slice(1)}`;
	const rows = figures.map(
		({ what, value, aim, isMet }) => `| ${what} | ${value} | ${aim}${isMet ? "" : ", **missed**"} |`,
	);
	return [
		`Measured ${new Date().toISOString().slice(0, 10)} on ${machine}:`,
		"",
		"| what | figure | aim |",
		"|---|---|---|",
		...rows,
	].join("\n");
}
