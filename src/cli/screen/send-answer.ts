/** What a screen does with an answer: sends it, or has it written in the user's editor. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerTask } from "../../actions/answer.ts";
import { readOwnFile } from "../../process/own-file.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { sentLine } from "../show/answer-lines.ts";
import { openEditor, withoutModelines } from "../show/editor.ts";
import { plain } from "../show/output.ts";
import { troubleOf } from "../trouble.ts";
import { ensureWorker } from "../worker-up.ts";
import type { Answering, Drafts } from "./answering.ts";
import { LIMIT_CHARS } from "./editor.ts";

/**
 * Sends it; what was typed is kept until it has arrived.
 * @returns what was sent, and why it waits all the same
 * @throws DISPATCH_NO_QUESTION, DISPATCH_ALREADY_ANSWERED, DISPATCH_ALREADY_ENDED, DISPATCH_STALE, DISPATCH_USAGE
 */
export async function sendAnswer(
	context: Context,
	store: Store,
	{ task, seq, name, question, askedAt }: Answering,
	text: string,
	drafts: Drafts,
): Promise<string> {
	const which = { seq: Number(seq), shown: { text: question, askedAt } };
	const answered = await answerTask(store, task, { text: text.trim(), by: whoAmI(), ...which });
	drafts.sent(name, text);
	return `${sentLine(answered)}${await waitsBecause(context, answered.host === context.home.hostId)}`;
}

/** Sees to it that a worker runs, where that is this host's affair. @returns why it waits all the same */
export async function waitsBecause(context: Context, isOurs: boolean): Promise<string> {
	if (!isOurs) return "";
	const why = await ensureWorker(context, false).then(
		({ hindrance }) => hindrance,
		(error: unknown) => {
			// What it stands behind has been done.
			const trouble = troubleOf(error);
			if (trouble === null) throw error;
			return trouble.inFull;
		},
	);
	return why === null ? "" : ` ${why}`;
}

/** The question stands below a line that cuts it off. */
const CUT = "# ---- what is below this line is not sent ----";

/**
 * Opens what is typed in the user's editor, with the question below it, and takes over what was saved there, also
 * where the editor failed. Until then the draft is what lies in its file.
 * @returns what there is to say of it; null: nothing
 */
export async function writeInEditor(
	{ env }: Context,
	{ task, seq, name, question, editor }: Answering,
	drafts: Drafts,
): Promise<string | null> {
	const folder = mkdtempSync(join(tmpdir(), "dispatch-answer-"));
	const path = join(folder, "answer.md");
	// Who dies while it writes may leave an empty file: that is nobody's answer.
	const saved = () => {
		const file = savedIn(path);
		return ("text" in file ? file.text : "") || editor.text;
	};
	const below = `${CUT}\n${task} asks:\n\n${withoutModelines(plain(question))}\n`;
	writeFileSync(path, `${editor.text}\n${below}`, { mode: 0o600 });
	drafts.lend(name, { path, saved });
	const failure = await openEditor(env, path, "What it had saved is here.").then(
		() => null,
		(error: unknown) => (error instanceof DispatchError ? error.inFull : String(error)),
	);
	drafts.takeBack(name);
	const file = savedIn(path);
	if ("why" in file) return `${path} stays as it is: ${file.why}. What was typed before is here.`;
	const text = failure === null ? (file.text ?? editor.text) : file.text || editor.text;
	if (text.length > LIMIT_CHARS) {
		writeFileSync(path, `${text}\n`);
		return `${text.length} characters are more than the ${LIMIT_CHARS} that fit here. All of it is kept in ${path}. Send it with: dispatch answer ${task} --seq ${Number(seq)} - <${shellWord(path)}`;
	}
	editor.set(text);
	rmSync(folder, { recursive: true, force: true });
	return failure;
}

/** Whatever an editor leaves there, a FIFO or far too much. @returns no text: it has taken the file away */
function savedIn(path: string): { text?: string } | { why: string } {
	try {
		const file = readOwnFile(path);
		if (file.kind !== "bytes") return file.kind === "absent" ? {} : file;
		return { text: (file.bytes.toString("utf8").split(CUT)[0] ?? "").trimEnd() };
	} catch (error) {
		return { why: (error as Error).message };
	}
}

function shellWord(path: string): string {
	return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** What a screen says of what failed. */
export function wordsOf(error: unknown): string {
	return error instanceof DispatchError ? error.inFull : String(error);
}
