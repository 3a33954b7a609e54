/**
 * The way out. When an agent's end cannot be settled as it should, again and again, or a cancel waits for a look
 * that keeps failing, the task ends all the same, with what little is sure. It reads no file of the agent's and
 * decodes no field of the record but the plain ones, so that what broke the usual way does not break this one.
 */
import { sweepRun } from "../process/end-run.ts";
import type { LiveBrief } from "../queue/records/lists.ts";
import type { CancelResult, Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import type { Hub } from "../task/hub.ts";
import { oneLine } from "../task/outcome/text.ts";
import type { Outcome } from "../task/spec.ts";
import type { State } from "../task/states.ts";

/** Ends what is left of the agent, then the task. Throws when even that fails: to be tried again. */
export async function endPlainly(
	task: string,
	brief: Pick<LiveBrief, "epoch" | "runNonce" | "stopRequested">,
	why: unknown,
	{ store, hub }: { store: Store; hub: Hub },
): Promise<void> {
	if (brief.runNonce !== null) await sweepRun(brief.runNonce, { task });
	const to = brief.stopRequested ? "cancelled" : "failed";
	const said = oneLine(why instanceof Error ? why.message : String(why));
	const what = to === "cancelled" ? "Cancelled." : "The agent has ended.";
	const message = `${what} dispatch could not record how it ended: ${said}. See \`dispatch logs ${task}\`; \`dispatch retry ${task}\` goes on.`;
	const outcome: Outcome = { kind: to, message, exitCode: null, signal: null, logTail: [], warnings: [] };
	const end = { outcome, reason: to === "failed" ? ("internal" as const) : null };
	const from: State[] = ["running", "asking"];
	const moved = await store
		.move({ id: task, from, epoch: brief.epoch, to, set: end, why: message })
		.catch((error: unknown) => endDamaged(task, error, store));
	if (moved.result !== "none") hub.emit("state", task, moved.state);
}

/** Of what cannot be moved nothing but its end is sure; until then it would hold a place, and be waited for. */
async function endDamaged(task: string, error: unknown, store: Store): Promise<CancelResult> {
	if (!(error instanceof DispatchError) || error.code !== "DISPATCH_DAMAGED") throw error;
	return store.cancel(task, "its host, since its record is damaged");
}
