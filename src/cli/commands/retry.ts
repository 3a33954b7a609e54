import { findTask } from "../../actions/find-task.ts";
import { viewTask } from "../../actions/views.ts";
import { chooseModel } from "../../config/choose.ts";
import { writePlan } from "../../ipc/plan-file.ts";
import { inspectTaskDir, taskDirOf } from "../../ipc/task-dir.ts";
import type { RecordChanges } from "../../queue/records/record-fields.ts";
import { DispatchError } from "../../task/errors.ts";
import { renderPlan } from "../../task/plan.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../../task/record.ts";
import type { AgentChoice } from "../../task/spec.ts";
import { isEnded } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { ensureWorker } from "../worker-up.ts";

export interface RetryFlags {
	fresh?: boolean;
	model?: string;
}

export async function retry(context: Context, given: string, flags: RetryFlags): Promise<number | undefined> {
	const store = await context.store();
	const record = await findTask(store, given);
	const { spec, host } = record;
	const { id } = spec;
	if (!isEnded(record.state)) throw notEnded(record);
	const chosen = await chosenBy(context, record, flags.model);
	const agent = chosen ?? spec;
	// A completed task has nothing left to go on with.
	const fresh = flags.fresh === true || record.state === "completed";
	if (fresh && host === context.home.hostId) resetPlan(store.namespace, record);
	const moved = await store.move({
		id,
		from: [record.state],
		to: "queued",
		revision: record.revision,
		set: changesOf(record, chosen, fresh),
		why: "retry",
	});
	if (moved.result !== "moved")
		throw new DispatchError("DISPATCH_STALE", `\`${id}\` changed in between.`, {
			hint: `Look again: dispatch status ${id}`,
		});
	const how = fresh ? "from the beginning" : "where it stopped";
	if (!context.output.json)
		context.output.result(
			null,
			[`\`${id}\` starts again ${how} using ${agent.model ?? agent.backend}.`],
			[id],
		);
	if (host === context.home.hostId) await ensureWorker(context);
	if (context.output.json) context.output.result(await viewTask(store, await store.need(id)), []);
	return undefined;
}

function notEnded({ spec, state }: TaskRecord): DispatchError {
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${state}, it has not ended.`, {
		hint:
			state === "parked"
				? `It goes on once it is answered: dispatch answer ${spec.id} "…"`
				: `Cancel it first: dispatch cancel ${spec.id}`,
	});
}

/** @returns the agent in place of the one that was asked for; null: that one */
async function chosenBy(
	{ config }: Context,
	{ spec, chosen }: TaskRecord,
	flag: string | undefined,
): Promise<AgentChoice | null> {
	if (flag === undefined) return chosen;
	const { name: _name, reason, ...choice } = await chooseModel(config, { prompt: spec.prompt, flag });
	return { ...choice, modelReason: reason };
}

/** Attempts and the clock of the deadline begin anew: the user decided on it. */
function changesOf(record: TaskRecord, chosen: AgentChoice | null, fresh: boolean): RecordChanges {
	const sameSession = !fresh && agentOf({ ...record, chosen }).backend === agentOf(record).backend;
	return {
		chosen,
		startMode: fresh ? "fresh" : "resume",
		sessionId: sameSession ? record.sessionId : null,
		charge: true,
		attempt: 0,
		takenDown: 0,
		workedMs: 0,
		hold: null,
		reason: null,
		outcome: null,
	};
}

/** The plan as it was before the first start; without our directory the start makes one. */
function resetPlan(namespace: string, record: TaskRecord): void {
	const { id, nonce, planText, givenItems } = record.spec;
	const { host } = record;
	const cwd = workspaceOf(record);
	if (inspectTaskDir(cwd, id, { namespace, host, nonce }) !== "ours") return;
	writePlan(taskDirOf(cwd, id), planText ?? renderPlan(id, givenItems));
}
