/** What a live agent has done so far, into its record: plan, activity, session, what it used. */
import type { Config } from "../config/load.ts";
import { faultPoint } from "../process/fault.ts";
import { noteSession } from "../process/sessions.ts";
import { noteUsage } from "../queue/records/spend.ts";
import type { Store } from "../queue/records/store.ts";
import type { Hub } from "../task/hub.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { Progress, Usage } from "../task/spec.ts";
import type { LiveTask } from "./live-task.ts";

const TOKENS_PER_PRICE = 1_000_000;

interface ProgressDeps {
	store: Store;
	config: Config;
	hub: Hub;
}

/** Writes only what is new. */
export async function recordProgress(record: TaskRecord, live: LiveTask, deps: ProgressDeps): Promise<void> {
	faultPoint("look.progress", record.spec.id);
	const { store, hub } = deps;
	const { seen } = live.log;
	const plan = live.plan ?? record.progress.plan;
	const usage = await countSpend(record, live, deps);
	const activity = seen.waitsFor === null ? seen.activity : `waits for ${seen.waitsFor}`;
	const shown = { plan, activity, usage: usage ?? record.progress.usage };
	const text = JSON.stringify([shown, seen.sessionId]);
	if (text === live.progressText) return;
	const progress: Progress = { ...shown, lastSignAt: store.clock.now() };
	const known = live.startedSession === undefined ? record.sessionId : live.startedSession;
	const sessionId = seen.sessionId ?? known;
	// Before Redis has it: what is not known here is never resumed.
	if (seen.sessionId !== null && seen.sessionId !== known) noteSession(live.run, seen.sessionId);
	if (!(await store.follow(record.spec.id, live.epoch, { progress, sessionId }))) return;
	live.progressText = text;
	hub.emit("progress", record.spec.id, progress);
}

/** @returns what the whole task has used so far, all its sessions together */
async function countSpend(record: TaskRecord, live: LiveTask, deps: ProgressDeps): Promise<Usage | null> {
	const { store, config } = deps;
	const { spec } = record;
	const price = config.prices[agentOf(record).model ?? ""];
	const { sessionId, sessionUsage, runUsage } = live.log.seen;
	const [ofSession, ofRun] = [priced(sessionUsage, price), priced(runUsage, price)];
	if (ofSession === null && ofRun === null) return null;
	const text = JSON.stringify([ofSession, ofRun]);
	if (live.counted?.text !== text) {
		const session = sessionId ?? `start-${live.epoch}`;
		const { budgetUsd } = spec;
		const spent = await noteUsage(store, spec.id, {
			session,
			epoch: live.epoch,
			ofSession,
			ofRun,
			budgetUsd,
		});
		const spentUsd = spent.task.costUsd ?? 0;
		const estimated = (ofSession ?? ofRun)?.estimated === true;
		live.counted = { text, total: { ...spent.task, estimated } };
		live.overBudget =
			(spec.budgetUsd !== null && spentUsd >= spec.budgetUsd) ||
			(config.budget.dailyUsd !== null && spent.today >= config.budget.dailyUsd) ||
			(spent.batch !== null && spent.batch.spentUsd >= spent.batch.budgetUsd);
	}
	return live.counted.total;
}

/** A CLI that tells tokens but no cost is estimated by the config's price table. */
function priced(usage: Usage | null, price: { input: number; output: number } | undefined): Usage | null {
	if (usage === null || usage.costUsd !== null || price === undefined) return usage;
	const costUsd = (usage.inputTokens * price.input + usage.outputTokens * price.output) / TOKENS_PER_PRICE;
	return { ...usage, costUsd, estimated: true };
}
