/** What a screen does with an answer: sends it, or has it written in the user's editor. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerTask } from "../../actions/answer.ts";
import type { Store } from "../../queue/records/store.ts";
import { sentLine } from "../commands/answer.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { openEditor, withoutModelines } from "../show/editor.ts";
import { plain } from "../show/output.ts";
import { ensureWorker } from "../worker-up.ts";
import type { Answering, Drafts } from "./answering.ts";

/**
 * Sends it; what was typed is kept until it has arrived.
 * @returns what was sent, and why it waits all the same
 * @throws DISPATCH_NO_QUESTION, DISPATCH_ALREADY_ANSWERED, DISPATCH_ALREADY_ENDED, DISPATCH_STALE, DISPATCH_USAGE
 */
export async function sendAnswer(
	context: Context,
	store: Store,
	{ task, seq, name, question }: Answering,
	text: string,
	drafts: Drafts,
): Promise<string> {
	const which = { seq: Number(seq), shown: question };
	const answered = await answerTask(store, task, { text: text.trim(), by: whoAmI(), ...which });
	drafts.sent(name, text);
	return `${sentLine(answered)}${await waitsBecause(context, answered.host === context.home.hostId)}`;
}

/** Sees to it that a worker runs, where that is this host's affair. @returns why it waits all the same */
export async function waitsBecause(context: Context, isOurs: boolean): Promise<string> {
	const hindrance = isOurs ? (await ensureWorker(context, false)).hindrance : null;
	return hindrance === null ? "" : ` ${hindrance}`;
}

/** The question stands below a line that cuts it off. */
const CUT = "# ---- what is below this line is not sent ----";

/**
 * Opens what is typed in the user's editor, with the question below it.
 * @returns what is typed now
 * @throws DISPATCH_USAGE where the editor failed
 */
export async function writeInEditor(
	{ env }: Context,
	{ task, question, editor }: Answering,
): Promise<string> {
	const folder = mkdtempSync(join(tmpdir(), "dispatch-answer-"));
	const draft = join(folder, "answer.md");
	try {
		const below = `${CUT}\n${task} asks:\n\n${withoutModelines(plain(question))}\n`;
		writeFileSync(draft, `${editor.text}\n${below}`, { mode: 0o600 });
		await openEditor(env, draft, "The question stays open.");
		return (readFileSync(draft, "utf8").split(CUT)[0] ?? "").trimEnd();
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
