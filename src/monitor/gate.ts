/** A rate limit holds the other tasks at the very event, before its agent ends: nothing more shall start into it. */
import { faultPoint } from "../process/fault.ts";
import { holdUntil } from "../queue/records/gates.ts";
import type { Store } from "../queue/records/store.ts";
import { gatedBy, type TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** A limit without a known end holds the others for this long at first; `settle` knows better. */
const FIRST_GATE_MS = 3_000;

export async function closeGate(record: TaskRecord, live: LiveTask, store: Store): Promise<void> {
	faultPoint("look.gate", record.spec.id);
	const { failure, unsure, rateLimitUntil, pausedUntil, failureMessage, activity, limitedModel } =
		live.log.seen;
	// A line of text holds nobody else while its agent goes on.
	if (unsure) return;
	const usual = live.gateUntil || store.clock.now() + FIRST_GATE_MS;
	const until = failure === "rate_limited" ? (rateLimitUntil ?? usual) : pausedUntil;
	if (until === null || until <= live.gateUntil || until <= store.clock.now()) return;
	const message = failureMessage ?? activity ?? "rate limited";
	const kind = failure === "rate_limited" ? "rate_limited" : "unavailable";
	await holdUntil(store, gatedBy(record), { kind, until, message, limited: limitedModel });
	live.gateUntil = until;
}
