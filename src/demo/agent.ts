/**
 * The demo's agent: a plain program that reviews the directory it stands in and speaks the file protocol
 * as a real agent does. It needs no account. Its instructions come as the last argument, as for any
 * `type: command` backend.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readSources, type SourceFile } from "./files.ts";
import { reportSummary, reportText } from "./report.ts";
import { type Finding, findRisks, findSecrets, findUpkeep, isCode } from "./review.ts";
import { TaskFiles } from "./task-files.ts";

const PACE_MS = Number(process.env.DISPATCH_DEMO_PACE_MS ?? 400);
const ANSWER_LIMIT_MS = Number(process.env.DISPATCH_DEMO_WAIT_MS ?? 600_000);

const PLAN = [
	"List the files to review",
	"Scan for hard-coded secrets",
	"Look for calls that run text as code, shell or SQL",
	"Settle what the review covers",
	"Look for oversized files and open TODOs",
	"Write the report to output.md",
];
const QUESTION_ITEM = 3;

interface Choice {
	question: string;
	/** what the report says for yes and no */
	yes: string;
	no: string;
	keep(finding: Finding): boolean;
}

async function main(): Promise<void> {
	const files = new TaskFiles(taskDir());
	files.plan("Review", PLAN);
	const sources = readSources(process.cwd());
	const found = sources.files.length;
	await finish(files, 0, `${found} files${sources.capped ? " (the first of more)" : ""}`);
	const secrets = findSecrets(sources.files);
	await finish(files, 1, count(secrets));
	const risks = findRisks(sources.files);
	await finish(files, 2, count(risks));
	const choice = choiceFor(sources.files);
	const answer = await decide(files, choice);
	if (answer === null) return;
	const isYes = meansYes(answer);
	await finish(files, QUESTION_ITEM, isYes ? choice.yes : choice.no);
	const upkeep = findUpkeep(sources.files);
	await finish(files, 4, count(upkeep));
	const findings = [...secrets, ...risks, ...upkeep].filter((finding) => isYes || choice.keep(finding));
	const text = reportText({
		findings,
		files: found,
		capped: sources.capped,
		scope: isYes ? choice.yes : choice.no,
		answer,
	});
	files.write("output.md", text);
	await finish(files, 5);
	console.log(reportSummary(text));
	files.write("ipc/.done", "");
}

/** dispatch names the directory; by hand it is the one of the protocol. */
function taskDir(): string {
	const given = process.env.DISPATCH_TASK_DIR;
	return given || join(process.cwd(), ".dispatch", "tasks", process.env.DISPATCH_TASK ?? "demo");
}

/** Ticks an item with a pause before it, so that a person can watch. */
async function finish(files: TaskFiles, item: number, note?: string): Promise<void> {
	if (files.isDone(item)) return;
	await sleep(PACE_MS);
	console.log(`${PLAN[item]}${note === undefined ? "" : `: ${note}`}`);
	files.mark(item, "x", note);
}

function choiceFor(files: SourceFile[]): Choice {
	const tests = files.filter((file) => file.isTest && isCode(file)).length;
	if (tests > 0) {
		return {
			question: `Found ${tests === 1 ? "1 test file" : `${tests} test files`} beside the sources. Include the tests in the review? (yes or no)`,
			yes: "tests are included",
			no: "tests are left out",
			keep: (finding) => !finding.file.isTest,
		};
	}
	return {
		question:
			"There are no test files here. Report TODO comments and oversized files too, or security only? (all or security)",
		yes: "security and upkeep",
		no: "security only",
		keep: (finding) => finding.kind !== "todo" && finding.kind !== "size",
	};
}

function meansYes(answer: string): boolean {
	return /^\s*(y|yes|yep|sure|ok|all|both|include|do)\b/i.test(answer);
}

/** @returns null when it parked: nobody answered in time */
async function decide(files: TaskFiles, choice: Choice): Promise<string | null> {
	if (files.isDone(QUESTION_ITEM)) return files.noteOf(QUESTION_ITEM) === choice.yes ? "yes" : "no";
	const told = answerIn(process.argv.at(-1) ?? "", choice.question);
	if (told !== null) return told;
	await sleep(PACE_MS);
	console.log(`Asking: ${choice.question}`);
	const answer = await files.ask(choice.question, ANSWER_LIMIT_MS);
	if (answer !== null) return answer;
	files.write(
		"context.md",
		`Nobody answered: ${choice.question}\nThe items before it are done; go on from there.\n`,
	);
	files.mark(QUESTION_ITEM, "?", choice.question);
	console.log("Nobody answered: parked.");
	return null;
}

/** After a park the program starts anew, and the answer stands in its instructions, below the question. */
function answerIn(instructions: string, question: string): string | null {
	const at = instructions.lastIndexOf(question);
	if (at < 0) return null;
	const after = instructions.slice(at + question.length);
	return /^\s*Answer:\s*>?\s*([^\n]+)/.exec(after)?.[1]?.trim() ?? null;
}

function count(findings: Finding[]): string {
	return findings.length === 1 ? "1 finding" : `${findings.length} findings`;
}

main().catch((error: Error) => {
	console.error(error.stack);
	process.exitCode = 1;
});
