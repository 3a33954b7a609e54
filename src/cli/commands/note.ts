import { findTask } from "../../actions/find-task.ts";
import { addNote } from "../../queue/records/notes.ts";
import { DispatchError } from "../../task/errors.ts";
import { isLive } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { textOf, whoAmI } from "../options/values.ts";

const NOTE_LIMIT_BYTES = 16 * 1024;

/** Tells a task's agent something. @throws DISPATCH_ALREADY_ENDED */
export async function note(context: Context, given: string, words: string[]): Promise<undefined> {
	const text = (await textOf(words)).trim();
	checkText(text);
	const store = await context.store();
	const { spec } = await findTask(store, given);
	const reply = await addNote(store, spec.id, { text, by: whoAmI() });
	if (reply.result === "none") await store.need(spec.id);
	if (reply.result === "too_many")
		throw new DispatchError("DISPATCH_USAGE", `\`${spec.id}\` has too many notes already.`, {
			hint: "Cancel it and enqueue what you really want.",
		});
	if (reply.result === "ended")
		throw new DispatchError(
			"DISPATCH_ALREADY_ENDED",
			`\`${spec.id}\` is ${reply.state}: nobody would read the note.`,
			{
				hint: `\`dispatch retry ${spec.id}\` starts it again.`,
			},
		);
	if (reply.result !== "noted") return;
	const when = isLive(reply.state) ? "before its next item" : "when it goes on";
	context.output.result({ task: spec.id, state: reply.state, text }, [
		`Noted. The agent of \`${spec.id}\` sees it ${when}.`,
	]);
}

function checkText(text: string): void {
	const bytes = Buffer.byteLength(text);
	if (text === "") throw new DispatchError("DISPATCH_USAGE", "Expected a note, got an empty one.");
	if (bytes <= NOTE_LIMIT_BYTES) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`The note has ${bytes} bytes; the limit is ${NOTE_LIMIT_BYTES}.`,
		{ hint: "Put the material into a file of the project and name that file." },
	);
}
