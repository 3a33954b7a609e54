/** All scripts by name, among them the only writers of task records. `Connection.run` calls them. */
import { ANSWER } from "./answer.ts";
import { ASK } from "./ask.ts";
import { CANCEL } from "./cancel.ts";
import { BEAT, CLAIM_HOST } from "./claim-host.ts";
import { CREATE } from "./create.ts";
import { DELIVERED } from "./delivered.ts";
import { DRAIN_HOST } from "./drain-host.ts";
import { FENCED } from "./fenced.ts";
import { FOLLOW } from "./follow.ts";
import { HOLD } from "./hold.ts";
import { HOLD_GATE } from "./hold-gate.ts";
import { CANCEL_LOST, MOVE_HOST } from "./lost.ts";
import { MEND } from "./mend.ts";
import { MOVE } from "./move.ts";
import { NEW_IPC } from "./new-ipc.ts";
import { NOTE } from "./note.ts";
import { NOTE_EVENT } from "./note-event.ts";
import { NOTE_SEEN } from "./note-seen.ts";
import { NOTE_USAGE } from "./note-usage.ts";
import { OPEN_GATES } from "./open-gates.ts";
import { REMOVE } from "./remove.ts";
import { SETTLE_NEEDS } from "./settle-needs.ts";

export const SCRIPTS = {
	answer: ANSWER,
	ask: ASK,
	beat: BEAT,
	cancel: CANCEL,
	cancelLost: CANCEL_LOST,
	claimHost: CLAIM_HOST,
	create: CREATE,
	delivered: DELIVERED,
	drainHost: DRAIN_HOST,
	fenced: FENCED,
	follow: FOLLOW,
	hold: HOLD,
	holdGate: HOLD_GATE,
	mend: MEND,
	move: MOVE,
	moveHost: MOVE_HOST,
	newIpc: NEW_IPC,
	note: NOTE,
	noteEvent: NOTE_EVENT,
	noteSeen: NOTE_SEEN,
	noteUsage: NOTE_USAGE,
	openGates: OPEN_GATES,
	remove: REMOVE,
	settleNeeds: SETTLE_NEEDS,
} as const;

export type ScriptName = keyof typeof SCRIPTS;

/** One that only its own module uses: what every command loads stays small. */
export interface Script {
	name: string;
	lua: string;
	/** made again after a lost reply, it is the same call: a second time it would do something else, or say so */
	once: boolean;
	/** it puts new work or texts into Redis: one that is full refuses it */
	grows: boolean;
	/** its texts are a person's, and go on as they were said */
	said: boolean;
}
