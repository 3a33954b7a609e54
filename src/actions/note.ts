/** Tells a task's agent something. */
import { addNote } from "../queue/records/notes.ts";
import { onceMore } from "../queue/records/open.ts";
import { newNonce, type Store } from "../queue/records/store.ts";
import type { Agreed } from "../task/agreed.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";
import { findTask } from "./find-task.ts";

const NOTE_LIMIT_BYTES = 16 * 1024;

export interface Noted {
	task: string;
	state: State;
	text: string;
}

/**
 * @param given the task's id, or the beginning of it; or its record, read a moment ago
 * @param note.agreed the task as it was shown: another start of it is told nothing
 * @throws DISPATCH_NO_SUCH_TASK, DISPATCH_USAGE, DISPATCH_ALREADY_ENDED, DISPATCH_STALE
 */
export async function noteTask(
	store: Store,
	given: string | TaskRecord,
	note: { text: string; by: string; agreed?: Agreed },
): Promise<Noted> {
	const text = note.text.trim().toWellFormed();
	checkText(text);
	const { id } = (typeof given === "string" ? await findTask(store, given) : given).spec;
	// By its own name it is the same call where a reply was lost: an agent is told nothing twice.
	const said = { ...note, text, call: newNonce() };
	const reply = await onceMore(store, (each) => addNote(each, id, said));
	switch (reply.result) {
		case "noted":
			return { task: id, state: reply.state, text };
		case "none":
			throw new DispatchError("DISPATCH_NO_SUCH_TASK", `The task "${id}" was removed.`);
		case "too_many":
			throw new DispatchError("DISPATCH_USAGE", `\`${id}\` has too many notes already.`, {
				hint: "Cancel it and enqueue what you really want.",
			});
		case "ended":
			throw new DispatchError(
				"DISPATCH_ALREADY_ENDED",
				`\`${id}\` is ${reply.state}: nobody would read the note.`,
				{ hint: `\`dispatch retry ${id}\` starts it again.` },
			);
	}
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
