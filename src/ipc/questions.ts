/**
 * `ipc/`: the agent asks (`NNN.question`), dispatch answers (`NNN.answer`), the agent has read it
 * (`NNN.done`), the agent has finished (`.done`). Redis is authoritative for what was asked and answered;
 * here is only what lies on the disk now. An agent is not trusted: what is no regular file is refused.
 */
import { randomUUID } from "node:crypto";
import { type Dirent, lstatSync, mkdirSync, renameSync, type Stats } from "node:fs";
import { join } from "node:path";
import { codeOf, diskError, isThere, publishNew, temporaryName, writerOf } from "../process/atomic-file.ts";
import { inDirectory, type OpenedDirectory } from "../process/opened-directory.ts";
import { HARD_LINK, isOurTrouble, readRegularFile } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";
import { inTaskDir, nameIn, notADirectory, requireTaskDir } from "./opened-task.ts";

export const QUESTION_LIMIT_BYTES = 64 * 1024;
export const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;
export const QUESTIONS_LIMIT = 2_000;
export const HIGHEST_NUMBER = 999_999;
/** Of all questions that lie there together; what the agent has not got its answer to comes first. */
const ALL_QUESTIONS_LIMIT_BYTES = 1024 * 1024;
/** Three files a question, and room for temporary ones. */
const ENTRIES_LIMIT = 10_000;

const TOO_MUCH = `are over ${ALL_QUESTIONS_LIMIT_BYTES / 1024} KiB together: the rest is read as these are answered`;
const NUMBERED = /^(\d{3,})\.(question|answer|done)$/;
const FINISHED = ".done";

export interface IpcState {
	/** in the order of their numbers; `seq` as the file spells it; texts as `questionAsRead` */
	questions: { seq: string; text: string }[];
	answered: string[];
	done: string[];
	/** `.done` is there */
	finished: boolean;
	/** what has a name of the protocol and cannot be used */
	rejected: { name: string; why: string }[];
}

interface Entry {
	name: string;
	seq: string;
	number: number;
	kind: string;
	isFile: boolean;
}

/** What lies under `ipc/` of a task directory. Never blocks and throws nothing, whatever the agent put there. */
export function readIpc(dir: string): IpcState {
	return surveyIpc(dir).ipc;
}

/**
 * As `readIpc`, with the number that a next question takes: the highest in use by any file, + 1. Both
 * come from one listing, so whoever finds that number taken has missed a question and must look again.
 */
export function surveyIpc(dir: string): { ipc: IpcState; nextSeq: string } {
	const state: IpcState = { questions: [], answered: [], done: [], finished: false, rejected: [] };
	const highest = inIpc(dir, (ipc) => survey(ipc, state));
	if (typeof highest !== "number") {
		state.rejected.push({ name: "ipc", why: "is missing, not a directory, or cannot be read" });
		return { ipc: state, nextSeq: numberText(1) };
	}
	return { ipc: state, nextSeq: numberText(highest + 1) };
}

/** Why nothing can be read from or written to `ipc/`, as a sentence; null: it can, or nothing is there. */
export function whyShut(dir: string): string | null {
	const looked = inIpc(dir, () => null);
	if (looked?.kind !== "refused") return null;
	return `${join(dir, "ipc")}, or a directory on the way to it, ${looked.why}`;
}

const numberText = (number: number) => String(number).padStart(3, "0");

function inIpc<T>(dir: string, use: (ipc: OpenedDirectory) => T) {
	return inTaskDir(dir, use, ["ipc"]);
}

/** @returns the highest number in use */
function survey(ipc: OpenedDirectory, state: IpcState): number {
	const found = list(ipc, state);
	const entries = numbered(found, state);
	readQuestions(ipc, { found, entries }, state);
	readMarks(found, entries, state);
	return entries.at(-1)?.number ?? 0;
}

function readMarks(found: Dirent[], entries: Entry[], state: IpcState): void {
	for (const { name, seq, kind, isFile } of entries) {
		if (kind === "question") continue;
		if (!isFile) state.rejected.push({ name, why: "is not a regular file" });
		else state[kind === "answer" ? "answered" : "done"].push(seq);
	}
	const finished = found.find(({ name }) => name === FINISHED);
	state.finished = finished?.isFile() ?? false;
	if (finished && !state.finished) state.rejected.push({ name: FINISHED, why: "is not a regular file" });
}

function list(ipc: OpenedDirectory, state: IpcState): Dirent[] {
	const found: Dirent[] = [];
	try {
		const directory = ipc.list();
		try {
			for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
				if (found.length >= ENTRIES_LIMIT) {
					state.rejected.push({ name: "ipc", why: `holds more than ${ENTRIES_LIMIT} entries` });
					break;
				}
				found.push(entry);
			}
		} finally {
			directory.closeSync();
		}
	} catch (error) {
		// Not "no questions": the next look knows more.
		if (isOurTrouble(error)) throw error;
		state.rejected.push({ name: "ipc", why: `cannot be read (${codeOf(error) ?? "unknown error"})` });
	}
	return found;
}

/** In the order of their numbers; of two spellings of one number (001, 0001) the shorter one stands. */
function numbered(found: Dirent[], state: IpcState): Entry[] {
	const entries = found.flatMap(asEntry);
	entries.sort((a, b) => a.number - b.number || a.seq.length - b.seq.length || (a.name < b.name ? -1 : 1));
	const seen = new Set<string>();
	return entries.filter(({ name, number, kind }) => {
		const why =
			number > HIGHEST_NUMBER ? `has a number over ${HIGHEST_NUMBER}` : "spells a number that is taken";
		if (number <= HIGHEST_NUMBER && !seen.has(`${number}.${kind}`)) return seen.add(`${number}.${kind}`);
		state.rejected.push({ name, why });
		return false;
	});
}

function asEntry(entry: Dirent): Entry[] {
	const [, seq, kind] = NUMBERED.exec(entry.name) ?? [];
	if (seq === undefined || kind === undefined) return [];
	return [{ name: entry.name, seq, number: Number(seq), kind, isFile: entry.isFile() }];
}

function readQuestions(
	ipc: OpenedDirectory,
	{ found, entries }: { found: Dirent[]; entries: Entry[] },
	state: IpcState,
): void {
	const refusalOf = refusalOfLinks(ipc, found);
	const questions = entries.filter(({ kind }) => kind === "question");
	const done = new Set(entries.flatMap(({ kind, seq }) => (kind === "done" ? [seq] : [])));
	const read = questions
		.slice(0, QUESTIONS_LIMIT)
		.sort((a, b) => Number(done.has(a.seq)) - Number(done.has(b.seq)));
	let left = ALL_QUESTIONS_LIMIT_BYTES;
	for (const { name, seq } of read) {
		if (left <= 0) break;
		const refusal = ({ nlink }: Stats) => (nlink > 1 ? refusalOf(name) : null);
		const file = readRegularFile(ipc.at(name), QUESTION_LIMIT_BYTES, { refusal });
		if (file.kind === "absent") continue;
		const text = file.kind === "text" ? questionAsRead(file.text) : "";
		left -= Buffer.byteLength(text);
		if (file.kind === "refused") state.rejected.push({ name, why: file.why });
		else if (file.cut) state.rejected.push({ name, why: `is larger than ${QUESTION_LIMIT_BYTES} bytes` });
		else if (text === "") state.rejected.push({ name, why: "is empty" });
		else state.questions.push({ seq, text });
	}
	state.questions.sort((a, b) => Number(a.seq) - Number(b.seq));
	const more = questions.length - QUESTIONS_LIMIT;
	if (more > 0) state.rejected.push({ name: "ipc", why: `holds more than ${QUESTIONS_LIMIT} questions` });
	if (left <= 0) state.rejected.push({ name: "ipc/*.question", why: TOO_MUCH });
}

/**
 * A temporary name of one that is just being published (`dispatch ask`), or that was killed over it, leads nowhere else.
 * @returns why a question is refused that has other names
 */
function refusalOfLinks(ipc: OpenedDirectory, found: Dirent[]): (name: string) => string | null {
	const statsOf = (name: string) => lstatSync(ipc.at(name), { throwIfNoEntry: false });
	const inodes = new Map<number, number>();
	let isCounted = false;
	return (name) => {
		for (const { name: other } of isCounted ? [] : found) {
			const ino = writerOf(other) === null ? undefined : statsOf(other)?.ino;
			if (ino !== undefined) inodes.set(ino, (inodes.get(ino) ?? 0) + 1);
		}
		isCounted = true;
		// Only now: a temporary name that went before it was counted is none of its names any more.
		const stats = statsOf(name);
		return stats !== undefined && stats.nlink - 1 > (inodes.get(stats.ino) ?? 0) ? HARD_LINK : null;
	};
}

/** A question's text as it is taken in: with plain line ends, and nothing behind it. */
export function questionAsRead(text: string): string {
	return text.replaceAll("\r\n", "\n").trimEnd();
}

/**
 * Writes an answer, whole and never in place of another file.
 * @returns "exists": an answer is there already; "blocked": the agent put something else in its place
 * @throws DispatchError DISPATCH_DISK
 */
export function publishAnswer(dir: string, seq: string, text: string): "published" | "exists" | "blocked" {
	const name = ipcName(seq, "answer");
	const published = inIpc(dir, (ipc) => {
		if (publishIn(ipc, name, text)) return "published";
		return lstatSync(ipc.at(name), { throwIfNoEntry: false })?.isFile() ? "exists" : "blocked";
	});
	return typeof published === "string" ? published : "blocked";
}

/** The agent has read the answer. Once is as good as twice. @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function writeDone(dir: string, seq: string): void {
	const name = ipcName(seq, "done");
	if (typeof inIpc(dir, (ipc) => publishIn(ipc, name, "")) !== "boolean")
		throw notADirectory(join(dir, "ipc"));
}

/** An agent that starts (again) has not finished: an earlier start's word is set aside. Nothing is deleted. */
export function clearFinished(dir: string): void {
	inIpc(dir, (ipc) => setAside(ipc, FINISHED));
}

/**
 * What stands as answer and acknowledgement of a question that has no answer yet, or another one, is set aside
 * under a name that nobody reads. Nothing is deleted.
 * @returns whether something was there
 */
export function retireAnswer(dir: string, seq: string): boolean {
	const names = [ipcName(seq, "answer"), ipcName(seq, "done")];
	return inIpc(dir, (ipc) => names.filter((name) => setAside(ipc, name)).length > 0) === true;
}

/** The text of an answer's file; null: there is none that can be read. */
export function readAnswer(dir: string, seq: string): string | null {
	const name = ipcName(seq, "answer");
	const file = inIpc(dir, (ipc) => readRegularFile(ipc.at(name), ANSWER_LIMIT_BYTES));
	return file.kind === "text" ? file.text : null;
}

function setAside(ipc: OpenedDirectory, name: string): boolean {
	return moveIfThere(ipc.at(name), ipc.at(temporaryName(name).replace(/\.tmp$/, ".old")));
}

/**
 * Before a fresh session: `ipc/` → `attempts/<n>/ipc` (`<n>-2` where that is taken), and an empty `ipc/`.
 * An `ipc/` that is empty already stays, so that a repeated call does no harm.
 * @param files others of the task's files that go the same way, where they are there
 * @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD
 */
export function moveIpcAside(dir: string, n: number, files: readonly string[] = []): void {
	try {
		requireTaskDir(dir, (task) => {
			const left = files.filter((name) => isThere(task.at(name)));
			if (left.length === 0 && isEmpty(task, "ipc")) return;
			mkdirIfNew(task.at("attempts"));
			const moved = inDirectory(task, ["attempts"], (attempts) =>
				inDirectory(attempts, [freshDirectory(attempts, n)], (aside) => {
					for (const name of [...left, "ipc"]) moveIfThere(task.at(name), aside.at(name));
					return true;
				}),
			);
			if (moved !== true) throw notADirectory(nameIn(task, "attempts"));
			mkdirIfNew(task.at("ipc"));
		});
	} catch (error) {
		throw diskError(join(dir, "ipc"), error);
	}
}

function isEmpty(task: OpenedDirectory, name: string): boolean {
	return inDirectory(task, [name], (opened) => opened.names(1).length === 0) === true;
}

/** So many copies are named in order. An agent may have taken any number of names. */
const NUMBERED_COPIES = 20;

/** @returns its name */
function freshDirectory(attempts: OpenedDirectory, n: number): string {
	for (let copy = 1; ; copy++) {
		const name = copy === 1 ? String(n) : `${n}-${copy <= NUMBERED_COPIES ? copy : randomUUID()}`;
		if (mkdirIfNew(attempts.at(name))) return name;
	}
}

/** @returns false: something of that name is there */
function mkdirIfNew(path: string): boolean {
	try {
		mkdirSync(path, { mode: 0o700 });
		return true;
	} catch (error) {
		if (codeOf(error) !== "EEXIST") throw error;
		return false;
	}
}

/** @returns whether it was there */
function moveIfThere(from: string, to: string): boolean {
	try {
		renameSync(from, to);
		return true;
	} catch (error) {
		if (codeOf(error) !== "ENOENT") throw error;
		return false;
	}
}

/** A number never leads out of `ipc/`. */
function ipcName(seq: string, kind: "answer" | "done" | "question"): string {
	const name = `${seq}.${kind}`;
	if (NUMBERED.test(name)) return name;
	throw new DispatchError("DISPATCH_INTERNAL", `Expected a question's number, got "${seq}".`);
}

/** @returns false if the number is taken. @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function publishQuestion(dir: string, seq: string, text: string): boolean {
	const name = ipcName(seq, "question");
	const published = inIpc(dir, (ipc) => publishIn(ipc, name, text));
	if (typeof published === "boolean") return published;
	throw notADirectory(join(dir, "ipc"));
}

function publishIn(ipc: OpenedDirectory, name: string, text: string): boolean {
	return publishNew(ipc.at(name), text, { refuse: (error) => diskError(nameIn(ipc, name), error) });
}
