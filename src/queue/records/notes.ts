/**
 * Notes to a running agent: kept in Redis, put into its plan by the host, and pending until the agent has
 * written its plan with the note in it.
 */

import type { Agreed } from "../../task/agreed.ts";
import { nullable, object, soundOrNull, text, time } from "../../task/check.ts";
import type { State } from "../../task/states.ts";
import type { Store } from "./store.ts";

/** An agent that is told more than this is not guided but flooded. */
const NOTES_LIMIT = 200;

export interface Note {
	/** its number, from 1 */
	n: string;
	text: string;
	by: string;
	/** ms since the Unix epoch */
	at: number;
	seenAt: number | null;
}

const checkNote = object<Omit<Note, "n">>({ text, by: text, at: time, seenAt: nullable(time) });

export type NoteResult =
	| { result: "noted" | "ended"; state: State }
	| { result: "none" }
	| { result: "too_many" };

/**
 * Tells a task that has not ended something; its agent sees it before its next item.
 * @param note.call names the call, where it may be made again on another connection
 */
export function addNote(
	store: Store,
	id: string,
	note: { text: string; by: string; agreed?: Agreed; call?: string },
): Promise<NoteResult> {
	return store.run("note", { id, ...note, most: NOTES_LIMIT });
}

/** Notes that the agent has not yet written back, oldest first. */
export async function pendingNotes(store: Store, id: string): Promise<Note[]> {
	const all = await store.guard((client) => client.hgetall(store.keys.notes(id)));
	return Object.entries(all)
		.flatMap(([n, text]) => {
			const note = soundOrNull(checkNote, text);
			return note === null || note.seenAt !== null ? [] : [{ ...note, n }];
		})
		.sort((a, b) => Number(a.n) - Number(b.n));
}

export async function noteSeen(store: Store, id: string, n: string): Promise<void> {
	await store.run("noteSeen", { id, n });
}
