/** The prompt of an agent: the user's words unchanged, and the rules of docs/PROTOCOL.md around them. */
import { formatDuration } from "../task/duration.ts";
import type { TaskSpec } from "../task/spec.ts";
import { type NeededTask, neededSection } from "./needed.ts";

export type PromptMode =
	/** the first session */
	| "fresh"
	/** the same session goes on */
	| "resume"
	/** another session goes on with an earlier one's work */
	| "continue";

export interface AnsweredQuestion {
	seq: string;
	question: string;
	answer: string;
}

export interface PromptInput {
	spec: Pick<
		TaskSpec,
		| "id"
		| "prompt"
		| "promptAddition"
		| "contextFiles"
		| "unattended"
		| "questionWaitMs"
		| "givenItems"
		| "nonce"
	>;
	mode: PromptMode;
	/** the task directory, absolute: the agent may work elsewhere than it was started (`cd x && …`, a worktree) */
	taskDir: string;
	/** the same as seen from the directory that the agent is started in */
	taskDirRelative: string;
	/** where the `dispatch` for agents lies; CLIs that use a login shell lose PATH */
	dispatchPath: string;
	/** plan.md holds items already */
	hasPlanItems: boolean;
	/** answers that no session has acknowledged */
	undelivered: readonly AnsweredQuestion[];
	/** what the user's check said when the work was last called done */
	checkFailed: { command: string; output: string } | null;
	/** what became of the tasks that it had to wait for */
	needed: readonly NeededTask[];
	/** questions and answers of earlier sessions */
	answered: readonly AnsweredQuestion[];
}

export function buildPrompt(input: PromptInput): string {
	const sections = input.mode === "resume" ? resumeSections(input) : sessionSections(input);
	return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function sessionSections(input: PromptInput): string[] {
	const { spec, taskDirRelative: dir } = input;
	return [
		spec.promptAddition ?? "",
		`You work in the background on the task \`${spec.id}\`. Nobody reads along: people follow you through the files in \`${dir}/\` (relative to the directory you were started in; from anywhere else \`${input.taskDir}/\`; git ignores them). Keep every rule below, they decide whether the task counts as done.`,
		requestSection(spec),
		contextSection(spec),
		neededSection(input.needed),
		input.mode === "continue" ? continueSection(input) : earlierAnswers(input),
		checkSection(input),
		planSection(input),
		spec.unattended ? unattendedSection(dir) : questionSection(input),
		endSection(dir),
	];
}

/** The nonce keeps a request from ending its own frame. */
function requestSection({ prompt, nonce }: PromptInput["spec"]): string {
	return `The request, word for word:\n<request-${nonce}>\n${prompt}\n</request-${nonce}>`;
}

/** `?? []`: records of an earlier version have none. */
function contextSection({ contextFiles }: PromptInput["spec"]): string {
	const files = contextFiles ?? [];
	if (files.length === 0) return "";
	return `Read these first, they belong to the request:\n${files.map((path) => `- ${JSON.stringify(path)}`).join("\n")}`;
}

function planSection({ spec, taskDir, taskDirRelative: dir, hasPlanItems }: PromptInput): string {
	const first = hasPlanItems
		? `The checklist is in \`${dir}/plan.md\` (\`${taskDir}/plan.md\`): read it first. ${spec.givenItems.length > 0 ? "Its items were given to you: keep all of them and their wording; you may add items." : "You may refine it."}`
		: `Before anything else, write your checklist into \`${dir}/plan.md\` (\`${taskDir}/plan.md\`) below its title: concrete items whose result can be checked, as many as the task needs (1 for a small edit, 5–8 for an investigation). If the task deserves a report, the last item is to write \`output.md\`.`;
	return `## Plan
${first}
- One item a line: \`- [ ] …\` open, \`- [x] … (short note)\` done, \`- [?] …\` blocked, \`- [!] …\` failed.
- Go from top to bottom. Mark an item in the file as soon as it is done, before you begin the next one.
- Read the file again before each item: a line \`> **Note from dispatcher:** …\` is a message to you; follow it and leave it in the file.
- If an error stops you for good, mark the item \`[!]\`, describe the error on the line below it, and stop.`;
}

function questionSection({ spec, taskDirRelative: dir, dispatchPath }: PromptInput): string {
	const limit = formatDuration(spec.questionWaitMs);
	return `## Questions
When only a person can decide something, ask; do not guess. Wait up to ${limit} in all for an answer, in steps of less than 2 minutes, because your shell tool may stop longer commands.
- The easy way: \`${shellWord(dispatchPath)} ask --timeout 100s "Which …?"\` (add \`--option A --option B\` to offer choices). It prints the answer. Where PATH was not reset, \`dispatch ask …\` is the same. Exit code 4, or a stop by your tool, means that there is none yet: run exactly the same command again.
- Without that command: write the text to \`${dir}/ipc/NNN.question.tmp\`, then \`mv\` it to \`${dir}/ipc/NNN.question\`. NNN is the number of questions there + 1, three digits: 001, 002, … Wait with \`for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -e ${dir}/ipc/NNN.answer ] && break; sleep 5; done\`, repeated. Read \`NNN.answer\`, create an empty \`NNN.done\` beside it, and go on.
- No answer after ${limit}: write all that a successor needs (findings, decisions, next steps) to \`${dir}/context.md\`, mark the item \`[?]\` with the question on the line below it, and end. You are started again when the answer is there.
- Write nothing else under \`ipc/\`, and never change an \`.answer\`.`;
}

function unattendedSection(dir: string): string {
	return `## No questions
This run is unattended: nobody can answer, and a question makes the task fail. Write no \`.question\` file. Where something is unclear, decide for the most sensible reading and list each assumption in \`${dir}/output.md\`.`;
}

function endSection(dir: string): string {
	return `## End
- A report goes to \`${dir}/output.md\`: the result first, then what a reader needs to check it.
- When every item is \`[x]\`, and not before: \`: > ${dir}/ipc/.done.tmp && mv ${dir}/ipc/.done.tmp ${dir}/ipc/.done\`. Then end at once and leave nothing running.
- Open items or a missing plan count as unfinished, whatever your exit code says; so does an item that is ticked and says of itself "(skipped)" or "(not done)".`;
}

function continueSection({ taskDirRelative: dir, undelivered, answered }: PromptInput): string {
	const known = [...answered, ...undelivered];
	return `## You are a successor
An earlier session began this task and stopped. Read \`${dir}/plan.md\`, then \`${dir}/context.md\` if it is there, and look at the files as they are now. Do not repeat items that are \`[x]\`; check what is half done. Go on with the first item that is not \`[x]\`; one that is \`[?]\` and has its answer here goes on as well. Numbers of new questions begin at 001 again.${known.length === 0 ? "" : `\n\nAsked and answered so far:\n\n${quoteAll(known)}`}`;
}

/** The user's own check has the last word. */
function checkSection({ checkFailed, taskDirRelative: dir, spec }: PromptInput): string {
	if (checkFailed === null) return "";
	return `The work was called done, but the check \`${checkFailed.command}\` failed. Its last lines:
<output-${spec.nonce}>
${checkFailed.output}
</output-${spec.nonce}>
Find out why and mend it; add an item for that to \`${dir}/plan.md\` first. The check runs again when you are done.`;
}

/** Of a session that stopped before it read them: an answer is delivered at least once. */
function earlierAnswers({ undelivered }: PromptInput): string {
	return undelivered.length === 0
		? ""
		: `Answers to questions of an earlier session:\n\n${quoteAll(undelivered)}`;
}

function resumeSections(input: PromptInput): string[] {
	const { spec, taskDirRelative: dir, undelivered } = input;
	const questions = spec.unattended
		? "- Nobody can answer questions in this run: ask none, decide, and note the assumption in `output.md`."
		: `- A question of yours without an answer is still open: wait for it as before. New questions go on with the next number.`;
	return [
		`${undelivered.length > 0 ? "What you asked is answered." : "You were interrupted."} This is the same session and the same task \`${spec.id}\`, with its files in \`${dir}/\` (\`${input.taskDir}/\`). All rules you were given still hold.`,
		undelivered.length > 0 ? quoteAll(undelivered) : "",
		checkSection(input),
		`Go on now:
- Read \`${dir}/plan.md\` again, and look at what is really done: your last command may have been cut off.
- Go on with the first item that is not \`[x]\`, or that is and says of itself that it is not done; one that is \`[?]\` and has its answer is open again. Mark each item as soon as it is done.${acknowledgement(dir, undelivered)}
${questions}
- When every item is \`[x]\`: \`: > ${dir}/ipc/.done.tmp && mv ${dir}/ipc/.done.tmp ${dir}/ipc/.done\`, then end.`,
	];
}

function acknowledgement(dir: string, undelivered: readonly AnsweredQuestion[]): string {
	if (undelivered.length === 0) return "";
	const files = undelivered.map(({ seq }) => `\`${dir}/ipc/${seq}.done\``).join(", ");
	return `\n- The answers above are all there is to read; create as empty files: ${files}.`;
}

function quoteAll(questions: readonly AnsweredQuestion[]): string {
	return questions
		.map(({ seq, question, answer }) => `Question ${seq}:\n${quote(question)}\nAnswer:\n${quote(answer)}`)
		.join("\n\n");
}

/** Quoted line by line, so that an answer cannot pass for a rule. A NUL cannot stand in an argument. */
function quote(text: string): string {
	return text
		.replaceAll("\0", "\uFFFD")
		.split(/\r\n|\r|\n/)
		.map((line) => `> ${line}`)
		.join("\n");
}

/** A path as one word of the agent's shell. */
function shellWord(path: string): string {
	return /^[\w./:=,@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
