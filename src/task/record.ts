/**
 * The task record: the truth about a task, one Redis hash, written only by the Lua scripts of `queue/`.
 * The BullMQ job is only its vehicle. Times are ms since the Unix epoch.
 *
 * FIELDS is the one table: from it come the type, what a new record holds, how a field is read and written,
 * whether the scripts rely on it, and what of it `--json` shows. A new one must be readable where it is missing
 * (`orNull`, `.later`, a flag): the records of an earlier version lack it.
 */

import { join } from "node:path";
import { matching, oneOf, text } from "./check.ts";
import {
	countField,
	type Field,
	flagField,
	jsonField,
	type ShownOf,
	shownAs,
	timeField,
	type ValueOf,
	wordField,
	wordOrNull,
} from "./field.ts";
import { ID_FORM } from "./id.ts";
import { checkNeeds } from "./needs.ts";
import {
	type AgentChoice,
	checkAgentChoice,
	checkHold,
	checkOutcome,
	checkProgress,
	checkSpec,
	HOST_FORM,
	type Progress,
} from "./spec.ts";
import { FAILURE_REASONS, STATES } from "./states.ts";
import { checkTrouble } from "./trouble.ts";
import { branchNameOf, checkChanges, worktreeName } from "./worktree.ts";

/** How the next start of the agent begins. */
const START_MODES = [
	/** a new session with the user's prompt */
	"fresh",
	/** the same session, where the backend can; else as `fresh`, told to go on */
	"resume",
] as const;
export type StartMode = (typeof START_MODES)[number];

/** It becomes an argument of the next start: no option, and nothing that steers a terminal. */
const SESSION_FORM = /^[A-Za-z0-9][\w.:-]{0,199}$/;

const EMPTY_PROGRESS: Progress = {
	plan: { title: null, items: [] },
	activity: null,
	usage: null,
	lastSignAt: null,
};

const nonce = matching(/^[\w-]{1,64}$/, "a nonce");

export const FIELDS = {
	/** given by the producer */
	spec: jsonField(checkSpec),
	/** whose queue runs it: the one truth, whatever host the spec was made for */
	host: wordField(matching(HOST_FORM, "a host's id"), ""),
	state: shownAs(wordField(oneOf(STATES), "queued")),
	/** grows with every move */
	revision: countField(1),
	/** the backend of its latest start; null before the first */
	startedWith: wordOrNull(text),
	/** counts starts; 0 before the first */
	epoch: shownAs(countField(0)),
	/** the nonce of the current epoch (`DISPATCH_RUN`); null before the first start */
	runNonce: wordOrNull(nonce),
	/** charged starts so far */
	attempt: shownAs(countField(0)),
	/** whether the next start is charged as an attempt */
	charge: flagField(true),
	startMode: wordField(oneOf(START_MODES), "fresh"),
	/** names the current run job `<task>.<generation>`; from a counter that is never reset */
	generation: countField(0),
	hold: jsonField.orNull(checkHold),
	/** what has become of `spec.after` */
	needs: jsonField.later(checkNeeds, {}),
	reason: shownAs(wordOrNull(oneOf(FAILURE_REASONS))),
	sessionId: shownAs(wordOrNull(matching(SESSION_FORM, "a session's id"))),
	/** grows when `ipc/` is moved aside for a fresh session; starts at 1 */
	ipcGeneration: countField(1),
	outcome: shownAs(jsonField.orNull(checkOutcome)),
	progress: jsonField(checkProgress, EMPTY_PROGRESS),
	/** the agent that was chosen since (`retry --model`, a fallback); null: as asked. Read by `agentOf` */
	chosen: jsonField.orNull(checkAgentChoice),
	/** by the host's user, over what is executed (`orderOf`); null: nobody vouches for it, and nothing runs */
	signature: wordOrNull(matching(/^[\w.-]{1,100}$/, "a signature")),
	/** set by `cancel` while an agent lives */
	stopRequested: flagField(false, "stop"),
	/** who set it last */
	stopBy: wordOrNull(text),
	/** uncharged restarts at once, in a row: our own processes ended and took the agent, or its check, along, and the like */
	takenDown: countField(0),
	/** those of them before which somebody, perhaps the agent, had taken its run directory away */
	takenAway: countField.later(0),
	/** times in a row that the agent ended because of a rate limit */
	rateLimits: countField(0),
	/** ms at work before the current run (asking and parked do not count) */
	workedMs: countField(0),
	/** what of its host's work for it fails now, and is tried again; null: nothing */
	trouble: jsonField.orNull(checkTrouble),
	/** since when the clock of work runs; null while it stands */
	workingSince: timeField.orNull(),
	createdAt: shownAs.time(timeField("now")),
	queuedAt: timeField.orNull("now"),
	startedAt: shownAs.timeOrNull(timeField.orNull()),
	/** what its agent was told and has not written back */
	pendingNotes: countField.later(0),
	endedAt: shownAs.timeOrNull(timeField.orNull()),
	/** in its worktree, when its agent ended last; null: nothing was counted yet, or it has none */
	changes: shownAs(jsonField.orNull(checkChanges)),
	/** the report (output.md), capped; read with `output` */
	hasReport: flagField(false),
	/** the batch that it was submitted with; null: none. Nothing of the batch's record is executed */
	batch: shownAs(wordOrNull(matching(ID_FORM, "a batch's id"))),
	/** how often another host took it over: what those before keep of it is theirs to clear */
	moves: countField.later(0),
} as const satisfies Record<string, Field<unknown>>;

export type TaskRecord = { [N in keyof typeof FIELDS]: ValueOf<(typeof FIELDS)[N]> };

/** What of a record `--json` shows as it stands. */
export type ShownFields = ShownOf<typeof FIELDS>;

/** The agent in force: what was asked, unless another one was chosen since. */
export function agentOf({ chosen, spec }: Pick<TaskRecord, "chosen" | "spec">): AgentChoice {
	return chosen ?? spec;
}

/** Whose refusals concern it: its host's CLI, and there its model. */
export function gatedBy(record: Pick<TaskRecord, "chosen" | "spec" | "host">): {
	host: string;
	backend: string;
	model: string | null;
} {
	const { backend, model } = agentOf(record);
	return { host: record.host, backend, model };
}

/** The directory in which the agent works, on the record's host. Absolute. */
export function workspaceOf({ spec }: Pick<TaskRecord, "spec">): string {
	const { worktree } = spec;
	return worktree === null ? spec.cwd : join(worktree.folder, worktreeName(spec), worktree.inside);
}

/** The branch that its changes are committed to; null: it works in the project itself. */
export function branchOf({ spec }: Pick<TaskRecord, "spec">): string | null {
	return spec.worktree === null ? null : branchNameOf(spec.id);
}

/** Worked out once: a list shows them of every task. */
const SHOWN = Object.entries(FIELDS).flatMap(([name, field]) =>
	"shown" in field
		? [{ name: name as keyof TaskRecord, show: field.shown as (value: unknown) => unknown }]
		: [],
);

/** @returns those fields that `--json` shows as they stand, times in ISO 8601 */
export function shownFields(record: TaskRecord): ShownFields {
	const shown: Record<string, unknown> = {};
	for (const { name, show } of SHOWN) shown[name] = show(record[name]);
	return shown as ShownFields;
}
