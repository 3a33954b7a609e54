import { PRELUDE } from "./prelude.ts";

/** Notes what is no move. */
export const NOTE_EVENT = `${PRELUDE}
emit(req.event)
return reply({result = 'ok'})
`;
