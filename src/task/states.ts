/**
 * The states of a task and the moves between them. One type, one table; the one writer is the Lua
 * script of `queue/`, which is generated from this table.
 *
 *   queued ──► running ⇄ asking ──► completed | failed | cancelled
 *     ▲           │         │
 *     │           └────┬────┘
 *     ├────────────────┤ (retry, takeover)
 *     └──── parked ◄───┘ (the agent stopped with a question open)
 *
 * `waiting` stands before `queued` for tasks that need others: also after a retry, as long as one of these has not
 * completed. Where one will not, the task is `cancelled` with the reason `skipped`, and waits again once that one is
 * started again.
 */
export const STATES = [
	"waiting",
	"queued",
	"running",
	"asking",
	"parked",
	"completed",
	"failed",
	"cancelled",
] as const;

export type State = (typeof STATES)[number];

export function isState(value: unknown): value is State {
	return STATES.some((state) => state === value);
}

/** Which state may follow which; everything else is refused. */
export const MOVES: Readonly<Record<State, readonly State[]>> = {
	waiting: ["queued", "failed", "cancelled"],
	queued: ["running", "failed", "cancelled"],
	running: ["asking", "completed", "failed", "cancelled", "parked", "queued"],
	asking: ["running", "completed", "failed", "cancelled", "parked", "queued"],
	parked: ["queued", "failed", "cancelled"],
	completed: ["queued", "waiting"],
	failed: ["queued", "waiting"],
	cancelled: ["queued", "waiting"],
};

export const ENDED_STATES = ["completed", "failed", "cancelled"] as const satisfies readonly State[];

/** The task is over; only an explicit retry moves it again. */
export function isEnded(state: State): state is (typeof ENDED_STATES)[number] {
	return (ENDED_STATES as readonly State[]).includes(state);
}

/** An agent process lives, or is about to be started or settled. */
export function isLive(state: State): boolean {
	return state === "running" || state === "asking";
}

/** Why a task failed; `skipped` is cancelled. */
export const FAILURE_REASONS = [
	"not_started",
	"auth",
	"rate_limited",
	"unavailable",
	"quota",
	"billing",
	"model",
	"context_full",
	"budget",
	"stuck",
	"deadline",
	"item_error",
	"incomplete",
	"crashed",
	"host_lost",
	"verify_failed",
	"unanswered",
	/** what it needs did not complete: it was not started */
	"skipped",
	/** the command of `--setup` failed in its new worktree */
	"setup_failed",
	/** what it changed in its worktree could not be committed to its branch */
	"not_committed",
	/** dispatch itself could not start it, or could not record how it ended */
	"internal",
] as const;

/** The reason of a task that was cancelled because of what it needs. */
export const SKIPPED = "skipped" satisfies (typeof FAILURE_REASONS)[number];

export type FailureReason = (typeof FAILURE_REASONS)[number];
