/** `dispatch inbox`: open questions one by one, with what a person needs to decide; waits for new ones. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answerTask } from "../../actions/answer.ts";
import { viewTask } from "../../actions/views.ts";
import type { OpenQuestion } from "../../queue/records/questions.ts";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { formatDuration } from "../../task/duration.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import { optionsOf } from "../../task/question-options.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { clip } from "../screen/text.ts";
import { openEditor } from "../show/editor.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { oneLine, plain } from "../show/output.ts";
import { ensureWorker } from "../worker-up.ts";
import { sentLine } from "./answer.ts";
import { questions } from "./questions.ts";

const LOOK_MS = 1_000;
const ITEMS_SHOWN = 7;

type Said =
	| { kind: "text"; text: string }
	| { kind: "skip" }
	| { kind: "quit" }
	| { kind: "interrupted" }
	| { kind: "answered_elsewhere" };

export async function inbox(context: Context): Promise<number | undefined> {
	const { output } = context;
	if (process.stdin.isTTY !== true || process.stdout.isTTY !== true || output.json) return questions(context);
	const store = await context.store("service");
	const interrupt = onInterrupt();
	const skipped = new Set<string>();
	try {
		for (;;) {
			const question = await nextQuestion(context, store, skipped, interrupt.signal);
			if (question === null) return EXIT.interrupted;
			const said = await show(context, store, question, interrupt.signal);
			if (said.kind === "interrupted") return EXIT.interrupted;
			if (said.kind === "quit") return undefined;
			if (said.kind === "skip") skipped.add(nameOf(question));
			else if (said.kind === "answered_elsewhere")
				output.write(`Somebody else answered ${question.task} meanwhile.`);
			else output.write(await send(context, question, said.text));
		}
	} finally {
		interrupt.release();
	}
}

function nameOf({ task, seq, askedAt }: OpenQuestion): string {
	return `${task} ${seq} ${askedAt}`;
}

/** The oldest that was not skipped; when all were, they come again. @returns null when it was interrupted */
async function nextQuestion(
	{ output }: Context,
	store: Store,
	skipped: Set<string>,
	signal: AbortSignal,
): Promise<OpenQuestion | null> {
	let told = false;
	while (!signal.aborted) {
		// A Redis that is away holds nobody who wants to leave.
		const open = await untilTaken(() => store.openQuestions(), signal);
		if (open === "aborted") return null;
		const next = open.find((question) => !skipped.has(nameOf(question)));
		if (next !== undefined) {
			output.clearProgress();
			return next;
		}
		if (!told) {
			output.write(
				open.length === 0
					? "No open questions. New ones come up here; Ctrl-C ends."
					: `Only skipped ones are left (${open.length}). New ones come up here; Ctrl-C ends.`,
			);
			told = true;
		}
		await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
	}
	return null;
}

/** Of one whose record is damaged, or gone by now, that is told: the others have their turn. */
async function show(
	context: Context,
	store: Store,
	question: OpenQuestion,
	signal: AbortSignal,
): Promise<Said> {
	const { output } = context;
	try {
		const look = async () => viewTask(store, await store.need(question.task));
		const view = await untilTaken(look, signal);
		if (view === "aborted") return { kind: "interrupted" };
		for (const line of surroundings(view, question, output.colors)) output.write(line);
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		output.write(oneLine(error.inFull));
		return { kind: "skip" };
	}
	const elsewhere = new AbortController();
	const watching = watchAnswer(store, question, elsewhere);
	try {
		const said = await ask(context, question, elsewhere.signal);
		return elsewhere.signal.aborted ? { kind: "answered_elsewhere" } : said;
	} finally {
		watching.abort();
	}
}

/** Ends the prompt when the question is no longer open. */
function watchAnswer(store: Store, question: OpenQuestion, elsewhere: AbortController): AbortController {
	const done = new AbortController();
	const name = nameOf(question);
	void (async () => {
		while (!done.signal.aborted) {
			await sleep(LOOK_MS, undefined, { signal: done.signal }).catch(() => {});
			if (done.signal.aborted) return;
			const open = await store.openQuestions().catch(() => null);
			if (open !== null && !open.some((each) => nameOf(each) === name)) return elsewhere.abort();
		}
	})();
	return done;
}

/** The task, where it is in its plan, and what it did last. */
function surroundings(view: TaskView, question: OpenQuestion, colors: Context["output"]["colors"]): string[] {
	const columns = (process.stdout.columns || 80) - 1;
	const { items, done, total } = view.plan;
	const current = Math.max(
		0,
		items.findIndex(({ marker }) => marker !== "x"),
	);
	const from = Math.max(0, Math.min(current - Math.floor(ITEMS_SHOWN / 2), items.length - ITEMS_SHOWN));
	const shown = items.slice(from, from + ITEMS_SHOWN).map(({ marker, text }, n) => {
		const line = clip(`  [${marker}] ${oneLine(text)}`, columns);
		return from + n === current ? line : colors.dim(line);
	});
	const age = formatDuration(Math.max(0, Date.now() - question.askedAt));
	const progress = total === 0 ? "" : `, ${done} of ${total} done`;
	return [
		"",
		`${colors.bold(view.id)} asked ${age} ago (${view.state}${progress})`,
		...shown,
		...(view.activity === null ? [] : [colors.dim(clip(`  Last: ${oneLine(view.activity)}`, columns))]),
		"",
	];
}

const WRITE = "write";
const EDITOR = "editor";
const SKIP = "skip";
const QUIT = "quit";

async function ask(context: Context, question: OpenQuestion, signal: AbortSignal): Promise<Said> {
	const { isCancel, select, text } = await import("@clack/prompts");
	const { lead, options } = optionsOf(question.text);
	const message = plain(lead);
	let choice: string = WRITE;
	if (options.length > 0) {
		const chosen = await select<string>({
			message,
			signal,
			options: [
				...options.map((option, n) => ({ value: `option ${n}`, label: oneLine(option) })),
				...otherChoices(true),
			],
		});
		if (isCancel(chosen)) return { kind: "quit" };
		const option = options[Number(chosen.replace(/^option /, ""))];
		if (option !== undefined) return { kind: "text", text: option };
		choice = chosen;
	}
	if (choice === WRITE) {
		const placeholder = "your answer; Enter alone to write it in $EDITOR, to skip or to quit";
		const typed = await text({ message, signal, placeholder });
		if (isCancel(typed)) return { kind: "quit" };
		if (typed?.trim()) return { kind: "text", text: typed };
		const chosen = await select<string>({ message: "Or:", signal, options: otherChoices(false) });
		if (isCancel(chosen)) return { kind: "quit" };
		choice = chosen;
	}
	if (choice === EDITOR) return writeInEditor(context, question);
	return { kind: choice === SKIP ? "skip" : "quit" };
}

function otherChoices(write: boolean) {
	return [
		...(write ? [{ value: WRITE, label: "Write an answer" }] : []),
		{ value: EDITOR, label: "Write it in $EDITOR" },
		{ value: SKIP, label: "Skip for now" },
		{ value: QUIT, label: "Quit" },
	];
}

/** The question stands below a line that cuts it off. */
const CUT = "# ---- what is below this line is not sent ----";

async function writeInEditor({ env }: Context, question: OpenQuestion): Promise<Said> {
	const folder = mkdtempSync(join(tmpdir(), "dispatch-answer-"));
	const draft = join(folder, "answer.md");
	try {
		writeFileSync(draft, `\n${CUT}\n${question.task} asks:\n\n${plain(question.text)}\n`, { mode: 0o600 });
		await openEditor(env, draft, "The question stays open.");
		const written = (readFileSync(draft, "utf8").split(CUT)[0] ?? "").trim();
		return written === "" ? { kind: "skip" } : { kind: "text", text: written };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function send(context: Context, { task, seq }: OpenQuestion, text: string): Promise<string> {
	try {
		const store = await context.store("service");
		const answered = await answerTask(store, task, { text, by: whoAmI(), seq: Number(seq) });
		const worker = answered.host === context.home.hostId ? await ensureWorker(context) : null;
		return `${sentLine(answered)}${(worker?.hindrance ?? null) !== null ? "" : " Worker is continuing."}`;
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		return oneLine(error.inFull);
	}
}
