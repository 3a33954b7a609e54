/**
 * A start that threw. Only a refusal that names a mistake of the user's is final; what may pass (Redis, a full
 * table of files, a fault of ours) puts the task back, and no attempt is counted. Where a process may exist
 * nothing is decided here: the looks at the run see what came of it.
 */
import { agentStatus } from "../process/agent.ts";
import { sweepRun } from "../process/end-run.ts";
import { isDiskFull, isShortage } from "../process/read-file.ts";
import { openRun } from "../process/run-dir.ts";
import { noteEvent } from "../queue/records/events.ts";
import type { RecordChanges } from "../queue/records/record-fields.ts";
import { startTrouble } from "../queue/records/start-trouble.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError, type ErrorCode } from "../task/errors.ts";
import type { Hub } from "../task/hub.ts";
import type { TaskRecord } from "../task/record.ts";

/** Faults of ours in a row, after which a start is not tried again. */
const TRIES = 10;
const FIRST_AGAIN_MS = 1_000;
const LAST_AGAIN_MS = 60_000;

const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
	"DISPATCH_USAGE",
	"DISPATCH_CONFIG_INVALID",
	"DISPATCH_NO_BACKEND",
	"DISPATCH_NO_PERMISSIONS",
	"DISPATCH_UNKNOWN_MODEL",
	"DISPATCH_BAD_FILE",
	"DISPATCH_BAD_CWD",
	"DISPATCH_ID_EXISTS",
	"DISPATCH_BUDGET_SPENT",
	"DISPATCH_NOT_SIGNED",
	"DISPATCH_DISK",
	"DISPATCH_GIT_ENDED",
]);

interface NotStartedDeps {
	store: Store;
	home: string;
	hub: Hub;
	maxBackoffMs: number;
	/** for the log. @param isFinal it is not tried again */
	fault: (task: string, step: string, error: unknown, isFinal: boolean) => void;
}

/** Throws what Redis throws: the looks at the task put it back then. */
export async function notStarted(record: TaskRecord, error: unknown, deps: NotStartedDeps): Promise<void> {
	const { spec, epoch } = record;
	const final = (isRefusal(error) && !mayPass(error)) || record.takenDown >= TRIES;
	deps.fault(spec.id, "start", error, final);
	const run = openRun(deps.home, spec.id, epoch);
	if (run !== null && agentStatus(run).kind !== "never") return;
	if (record.runNonce !== null) await sweepRun(record.runNonce, { task: spec.id, home: deps.home });
	// Before the move, which may throw: what is in there was started, whatever its run directory says.
	if (record.runNonce !== null) deps.hub.startedHere.delete(record.runNonce);
	const text = error instanceof Error ? error.message : String(error);
	const moved = await deps.store.move({
		id: spec.id,
		from: ["running", "asking"],
		epoch,
		to: final ? "failed" : "queued",
		set: final ? failure(error, text) : putBack(record, error, deps),
		why: text,
	});
	if (moved.result !== "none") deps.hub.emit("state", spec.id, moved.state);
	if (moved.result !== "moved")
		await noteEvent(deps.store, { task: spec.id, kind: "start_failed", why: text });
}

function isRefusal(error: unknown): boolean {
	return error instanceof DispatchError && REFUSALS.has(error.code);
}

/** Whatever it was refused with: descriptors and room on the disk come back. */
function mayPass(error: unknown): boolean {
	return isShortage(error) || isDiskFull(error);
}

function failure(error: unknown, text: string): RecordChanges {
	const hint = error instanceof DispatchError && error.hint ? ` ${error.hint}` : "";
	const message = `The agent could not be started: ${text}${hint}`;
	const isBudget = error instanceof DispatchError && error.code === "DISPATCH_BUDGET_SPENT";
	return {
		outcome: { kind: "failed", message, exitCode: null, signal: null, logTail: [], warnings: [] },
		reason: isBudget ? "budget" : isRefusal(error) ? "not_started" : "internal",
	};
}

/** The same start once more, a little later each time; until then the record says why. */
function putBack(record: TaskRecord, error: unknown, { store, maxBackoffMs }: NotStartedDeps): RecordChanges {
	const waitMs = Math.min(LAST_AGAIN_MS, maxBackoffMs, FIRST_AGAIN_MS * 2 ** record.takenDown);
	return {
		trouble: startTrouble(record, error),
		hold: { kind: "backoff", until: store.clock.now() + waitMs },
		charge: false,
		startMode: record.startMode,
		takenDown: record.takenDown + 1,
	};
}
