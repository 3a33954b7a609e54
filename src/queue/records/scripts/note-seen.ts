import { TASK } from "./prelude.ts";

/** The agent has written its plan with the note in it; once is as good as twice. */
export const NOTE_SEEN = `${TASK}
local text = redis.call('HGET', notes, req.n)
if not text then return reply({result = 'none'}) end
local note = decoded(text)
if not note or note.seenAt ~= cjson.null then return reply({result = 'ok'}) end
note.seenAt = now
redis.call('HSET', notes, req.n, cjson.encode(note))
redis.call('HINCRBY', rec, 'pendingNotes', -1)
event('note_seen', {})
return reply({result = 'ok'})
`;
