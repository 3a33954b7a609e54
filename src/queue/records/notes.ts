/**
 * Notes to a running agent: kept in Redis, put into its plan by the host, and pending until the agent has
 * written its plan with the note in it.
 */
import type { State } from "../../task/states.ts";
import { PRELUDE } from "./scripts.ts";
import type { Store } from "./store.ts";

const NOTE = `${PRELUDE}
local state = get('state')
if state == '' then return reply({result = 'none'}) end
if state == 'completed' or state == 'failed' or state == 'cancelled' then return reply({result = 'ended', state = state}) end
local notes = p .. ':notes:' .. id
if redis.call('HLEN', notes) >= req.most then return reply({result = 'too_many'}) end
local n = redis.call('HLEN', notes) + 1
redis.call('HSET', notes, n, cjson.encode({text = req.text, by = req.by, at = req.now, seenAt = cjson.null}))
redis.call('HINCRBY', rec, 'pendingNotes', 1)
redis.call('HINCRBY', rec, 'revision', 1)
event('noted', {text = string.sub(req.text, 1, 2000), by = req.by})
redis.call('PUBLISH', p .. ':wake', 'task ' .. id)
return reply({result = 'noted', state = state})
`;

const SEEN = `${PRELUDE}
local notes = p .. ':notes:' .. id
local text = redis.call('HGET', notes, req.n)
if not text then return reply({result = 'none'}) end
local note = cjson.decode(text)
if note.seenAt ~= cjson.null then return reply({result = 'ok'}) end
note.seenAt = req.now
redis.call('HSET', notes, req.n, cjson.encode(note))
redis.call('HINCRBY', rec, 'pendingNotes', -1)
event('note_seen', {})
return reply({result = 'ok'})
`;

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

export type NoteResult =
	| { result: "noted" | "ended"; state: State }
	| { result: "none" }
	| { result: "too_many" };

async function run<T>(store: Store, script: string, request: Record<string, unknown>): Promise<T> {
	const body = JSON.stringify({ ...request, now: store.clock.now() });
	const reply = await store.guard((client) => client.eval(script, 1, store.keys.prefix, body));
	return JSON.parse(reply as string) as T;
}

/** Tells a task that has not ended something; its agent sees it before its next item. */
export function addNote(store: Store, id: string, note: { text: string; by: string }): Promise<NoteResult> {
	return run(store, NOTE, { id, ...note, most: NOTES_LIMIT });
}

/** Notes that the agent has not yet written back, oldest first. */
export async function pendingNotes(store: Store, id: string): Promise<Note[]> {
	const all = await store.guard((client) => client.hgetall(store.keys.notes(id)));
	return Object.entries(all)
		.map(([n, text]) => ({ ...(JSON.parse(text) as Omit<Note, "n">), n }))
		.filter(({ seenAt }) => seenAt === null)
		.sort((a, b) => Number(a.n) - Number(b.n));
}

export async function noteSeen(store: Store, id: string, n: string): Promise<void> {
	await run(store, SEEN, { id, n });
}
