import { TASK } from "./prelude.ts";

/** An event that is no move; also of a task that is damaged, or not there any more. */
export const NOTE_EVENT = `${TASK}
chatter(req.kind, req.more)
return reply({result = 'ok'})
`;
