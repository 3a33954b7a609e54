/** A rate limit holds the other tasks at the very event, before its agent ends: nothing more shall start into it. */
import { faultPoint } from "../process/fault.ts";
import { holdForRateLimit } from "../queue/records/gates.ts";
import type { Store } from "../queue/records/store.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

/** A limit without a known end holds the others for this long at first; `settle` knows better. */
const FIRST_GATE_MS = 3_000;

export async function closeGate(record: TaskRecord, live: LiveTask, store: Store): Promise<void> {
	faultPoint("look.gate", record.spec.id);
	const { failure, rateLimitUntil, pausedUntil, failureMessage, activity } = live.log.seen;
	const usual = live.gateUntil || store.clock.now() + FIRST_GATE_MS;
	const until = failure === "rate_limited" ? (rateLimitUntil ?? usual) : pausedUntil;
	if (until === null || until <= live.gateUntil) return;
	const said = failureMessage ?? activity ?? "rate limited";
	await holdForRateLimit(store, record.host, agentOf(record).backend, until, said);
	live.gateUntil = until;
}
