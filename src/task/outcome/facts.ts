/** What is known when an agent has ended, and what that comes to. */
import type { Plan } from "../plan.ts";
import type { StartMode } from "../record.ts";
import type { Hold } from "../spec.ts";
import type { FailureReason } from "../states.ts";
import type { Ending } from "./ending.ts";
import type { FailureClass } from "./failure.ts";

export interface EndFacts {
	taskId: string;
	/** `gone`: it ended, how is unknown. `never`: nothing was ever started. */
	exit: { kind: "exited"; code: number | null; signal: string | null } | { kind: "gone" } | { kind: "never" };
	plan: Plan | null;
	givenItems: string[];
	/** the `.done` file is there */
	done: boolean;
	/** the agent's own final event */
	result: { ok: boolean; message: string | null } | null;
	/** it had its word, and lived on for this alone: "a background command: npm test" */
	waitedFor: string | null;
	/** what the backend's parser made of its errors */
	failure: FailureClass | null;
	failureMessage: string | null;
	/** ms since the epoch */
	rateLimitUntil: number | null;
	/** of this decision, ms since the epoch */
	now: number;
	/** it said something that only a working CLI says */
	sawOutput: boolean;
	/** it went on in a session that the task had before */
	resumed: boolean;
	/** that, and it used no tool in it */
	idleResume: boolean;
	/** unanswered */
	openQuestions: number;
	/** the text of the oldest of them; of an unattended task, where it is known */
	asked: string | null;
	/** answered, not delivered, and not carried by this run's prompt */
	undelivered: number;
	unattended: boolean;
	/** why we ended it; `retrying`: see `failure` */
	ended: null | Exclude<Ending, "shutdown">;
	/** who asked for the cancel, where that is known */
	cancelledBy: string | null;
	/** our own processes ended and took the agent along */
	takenDown: boolean;
	/** it was started again at once, uncharged, so often in a row that no more such start is given */
	tooOften: boolean;
	/** times in a row that it ended because a service said no for now, before this one */
	rateLimits: number;
	/** charged starts, this one included if it was charged */
	attempt: number;
	attempts: number;
	/** USD of all its sessions, and what was allowed */
	spentUsd: number;
	budgetUsd: number | null;
	/** where its batch has a budget, and has spent it */
	spentBatch: { batch: string; budgetUsd: number } | null;
	logTail: string[];
	/** the configured shell line */
	command: string | null;
	/** the backend's type, or its name */
	agentName: string;
	/** where it is a CLI that dispatch knows: the shell line that installs it, how a person logs in */
	cli: { install: string; login: { how: string } } | null;
}

export interface Decision {
	to: "completed" | "failed" | "cancelled" | "parked" | "queued";
	reason: FailureReason | null;
	/** one line: what happened and the next step */
	message: string;
	warnings: string[];
	/** `until` in ms since the epoch; `forMs` from now; the later of both; neither: as soon as there is room */
	hold: { kind: Exclude<Hold["kind"], "cancelling">; until: number | null; forMs: number | null } | null;
	/** whether the next start counts as an attempt */
	charge: boolean;
	startMode: StartMode;
	/** its session is gone or of no use: the next start is another one, on the present plan */
	newSession?: boolean;
}
