/** The report: what was found, most serious kind first, each with its place. */

import { cutText } from "../task/cut-text.ts";
import type { Finding } from "./review.ts";

const SHOWN = 200;
const ORDER = ["secret", "injection", "tls", "crypto", "size", "todo"];

interface ReportInput {
	findings: Finding[];
	/** how many files were read */
	files: number;
	/** there were more than were read */
	capped: boolean;
	/** what the answer settled, in words */
	scope: string;
	answer: string;
}

/** Markdown. */
export function reportText({ findings, files, capped, scope, answer }: ReportInput): string {
	const sorted = [...findings].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
	const lines = sorted
		.slice(0, SHOWN)
		.map(({ file, line, kind, text }) => `- ${file.path}:${line} ${kind}: ${text}`);
	const rest = sorted.length - lines.length;
	return [
		"# Review",
		"",
		summary(sorted, files),
		"",
		`Scope: ${scope} (you answered "${cutText(answer, 200)}").`,
		...(capped ? ["Only the first files were read: the directory is large."] : []),
		"",
		...(lines.length > 0 ? lines : ["Nothing of these kinds was found."]),
		...(rest > 0 ? [`- … and ${rest} more`] : []),
		"",
		"Made by the demo's scripted agent: patterns, not judgement. A real agent reads the code.",
		"",
	].join("\n");
}

function summary(findings: Finding[], files: number): string {
	const counts = new Map<string, number>();
	for (const { kind } of findings) counts.set(kind, (counts.get(kind) ?? 0) + 1);
	const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
	const issues = findings.length === 1 ? "1 issue" : `${findings.length} issues`;
	return `Found ${issues} in ${files} files${kinds === "" ? "" : `: ${kinds}`}.`;
}

/** The line that says the report in one; "" when it has none. */
export function reportSummary(report: string): string {
	return report.split("\n").find((line) => line.startsWith("Found ")) ?? "";
}
