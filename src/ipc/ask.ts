/**
 * `dispatch ask`, the agent's side of a question: publish it, wait for the answer, acknowledge it.
 * It may be interrupted and called again at any moment: a question of the same text that is not yet
 * acknowledged is the same question.
 */
import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { isThere } from "../process/atomic-file.ts";
import { isShortage } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";
import { inTaskDir } from "./opened-task.ts";
import {
	ANSWER_LIMIT_BYTES,
	HIGHEST_NUMBER,
	publishQuestion,
	QUESTION_LIMIT_BYTES,
	QUESTIONS_LIMIT,
	questionAsRead,
	surveyIpc,
	writeDone,
} from "./questions.ts";
import { readTaskFile } from "./task-file.ts";

/** The watcher is for speed; this is what one can rely on. */
const POLL_MS = 1_000;
/** So many others cannot take the number first, unless the directory is too full to be read. */
const TRIES_LIMIT = 1_000;

export interface AskInput {
	text: string;
	/** offered answers; they become part of the question's text */
	options: readonly string[];
	/** null: as long as it takes */
	timeoutMs: number | null;
	signal?: AbortSignal;
	/** called once when the task's directory is found to be gone */
	vanished?: () => void;
}

/** A question without an answer in time stays open: asking again goes on waiting for it. */
export type AskResult = { kind: "answered"; text: string } | { kind: "timedOut" };

/**
 * Asks in the task directory `dir` and waits.
 * @throws DispatchError DISPATCH_USAGE, DISPATCH_NOT_IN_TASK, DISPATCH_DISK; the reason of `signal`
 */
export async function ask(dir: string, input: AskInput): Promise<AskResult> {
	const text = questionText(input);
	const answer = await awaitAnswer(dir, { seq: askOnce(dir, text), text }, input);
	if (answer === null) return { kind: "timedOut" };
	writeDone(dir, answer.seq);
	return { kind: "answered", text: answer.text };
}

function questionText({ text, options }: AskInput): string {
	if (text.trim() === "") {
		throw new DispatchError("DISPATCH_USAGE", "Expected a question, got an empty text.", {
			hint: 'Write it behind the command: dispatch ask "Which port?"',
		});
	}
	const lines = options.map((option, index) => `${index + 1}. ${option}`);
	const whole = asRead(lines.length === 0 ? text : `${text.trimEnd()}\n\nOptions:\n${lines.join("\n")}`);
	const bytes = Buffer.byteLength(whole);
	if (bytes <= QUESTION_LIMIT_BYTES) return whole;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected a question of at most ${QUESTION_LIMIT_BYTES} bytes, got ${bytes}.`,
		{
			hint: "Put the details into context.md of the task and name that file in the question.",
		},
	);
}

/** The text as it comes back from a file, so that the two can be compared. */
function asRead(text: string): string {
	return questionAsRead(new TextDecoder().decode(Buffer.from(text)));
}

/** @returns the number of the question with this text: one that is open, else a new one */
function askOnce(dir: string, text: string): string {
	if (inTaskDir(dir, () => true, ["ipc"]) !== true) {
		throw new DispatchError("DISPATCH_NOT_IN_TASK", `There is no task with an ipc/ directory in ${dir}.`, {
			hint: "`dispatch ask` is for agents that dispatch has started.",
		});
	}
	for (let tries = 0; tries < TRIES_LIMIT; tries++) {
		const { ipc, nextSeq: seq } = surveyIpc(dir);
		const { questions, done } = ipc;
		const same = questions.find((question) => question.text === text && !done.includes(question.seq));
		if (same !== undefined) return same.seq;
		if (questions.length >= QUESTIONS_LIMIT || Number(seq) > HIGHEST_NUMBER) break;
		// Lost to another asker, perhaps of the same text: look again.
		if (publishQuestion(dir, seq, text)) return seq;
	}
	throw new DispatchError(
		"DISPATCH_USAGE",
		`There is no number left for a question in ${join(dir, "ipc")}.`,
		{
			hint: "Decide by yourself and note the assumption in output.md.",
		},
	);
}

type Numbered = { seq: string; text: string };

/** @returns the answer, under the number that the question has in the end; null: none in time */
async function awaitAnswer(
	dir: string,
	question: Numbered,
	{ timeoutMs, signal, vanished }: AskInput,
): Promise<Numbered | null> {
	const end = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
	const watcher = watchQuietly(join(dir, "ipc"));
	let { seq } = question;
	let told = false;
	try {
		for (;;) {
			signal?.throwIfAborted();
			const answer = unlessShort(() => readTaskFile(dir, `ipc/${seq}.answer`, ANSWER_LIMIT_BYTES));
			if (answer?.kind === "text") return { seq, text: answer.text };
			const leftMs = end - performance.now();
			if (leftMs <= 0) return null;
			const again = unlessShort(() => askedAgain(dir, { ...question, seq }));
			if (again === null && !told) vanished?.();
			told ||= again === null;
			seq = again ?? seq;
			await nextChange(watcher, Math.min(POLL_MS, leftMs), signal);
		}
	} finally {
		watcher?.close();
	}
}

/** A machine that is short of descriptors or memory ends no wait. @returns undefined: looked in vain */
function unlessShort<T>(look: () => T): T | undefined {
	try {
		return look();
	} catch (error) {
		if (isShortage(error)) return undefined;
		throw error;
	}
}

/**
 * A question whose file somebody removed (`git clean -fdx`) is asked again, under its number if that is free.
 * @returns its number; null while there is no directory for it: dispatch makes that again
 */
function askedAgain(dir: string, { seq, text }: Numbered): string | null {
	const isKept = inTaskDir(dir, (ipc) => isThere(ipc.at(`${seq}.question`)), ["ipc"]);
	if (typeof isKept !== "boolean") return null;
	if (isKept) return seq;
	try {
		return publishQuestion(dir, seq, text) ? seq : askOnce(dir, text);
	} catch (error) {
		// It vanished again.
		if (inTaskDir(dir, () => true, ["ipc"]) !== true) return null;
		throw error;
	}
}

/** null where the system has no watch left. */
function watchQuietly(path: string): FSWatcher | null {
	try {
		return watch(path).on("error", () => {});
	} catch {
		return null;
	}
}

/** Resolves at a change, after `ms`, or when `signal` aborts. */
function nextChange(watcher: FSWatcher | null, ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const wake = () => {
			clearTimeout(timer);
			watcher?.off("change", wake);
			signal?.removeEventListener("abort", wake);
			resolve();
		};
		const timer = setTimeout(wake, ms);
		watcher?.on("change", wake);
		signal?.addEventListener("abort", wake);
	});
}
