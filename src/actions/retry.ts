/** Starts ended tasks again. */
import { chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import type { TaskEnv } from "../config/task-env.ts";
import { lostHostsOf } from "../queue/records/lost-hosts.ts";
import type { RecordChanges } from "../queue/records/record-fields.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import { parsePlan } from "../task/plan.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import { type AgentChoice, firstPlan, narrower } from "../task/spec.ts";
import { isEnded } from "../task/states.ts";
import { findAllOrNone } from "./find-task.ts";

export interface RetryRequest {
	/** in a new session, on the plan as it was at first */
	fresh: boolean;
	/** a model or alias; null: the same as before */
	model: string | null;
	/** vouches for tasks that nobody on this host has signed */
	sign: boolean;
}

/** Who asks: only on its own host a task is signed. */
export interface RetryPlace {
	config: Config;
	orders: Orders;
	hostId: string;
	/** what a retry takes along of the caller's environment; null: nothing travels */
	taskEnv?: TaskEnv | null;
}

export interface Retried {
	task: string;
	host: string;
	/** who works on it now */
	agent: AgentChoice;
	/** from the beginning, as asked or because nothing was left to go on with */
	fresh: boolean;
}

/**
 * All of them, or none: each is looked at before the first one is moved.
 * @param agrees asked once, when nothing stands against it
 * @returns empty: it was not agreed to
 * @throws DISPATCH_NO_SUCH_TASK, DISPATCH_NOT_ENDED, DISPATCH_UNKNOWN_MODEL, DISPATCH_NOT_SIGNED, DISPATCH_STALE
 */
export async function retryTasks(
	store: Store,
	place: RetryPlace,
	given: readonly string[],
	request: RetryRequest,
	agrees: (records: readonly TaskRecord[]) => Promise<boolean> = async () => true,
): Promise<Retried[]> {
	const records = await findAllOrNone(store, given);
	const lost = await lostHostsOf(store, records);
	for (const record of records) if (!isEnded(record.state)) throw notEnded(record, lost.has(record.host));
	const plans = [];
	for (const record of records) {
		const chosen = await chosenBy(place.config, record, request.model);
		const signature = signatureOf(record, chosen, place, request);
		// A completed task has nothing left to go on with.
		plans.push({ record, chosen, signature, fresh: request.fresh || record.state === "completed" });
	}
	if (!(await agrees(records))) return [];
	for (const { record, chosen, signature, fresh } of plans) {
		// A key that was rotated since is the one to go on with.
		if (record.host === place.hostId) place.taskEnv?.keep(record.spec);
		await restart(store, record, { ...changesOf(record, chosen, fresh), signature });
	}
	return plans.map(({ record, chosen, fresh }) => ({
		task: record.spec.id,
		host: record.host,
		agent: agentOf({ spec: record.spec, chosen }),
		fresh,
	}));
}

/**
 * What is signed stays signed; a new choice is signed anew, on the task's own host.
 * @throws DISPATCH_NOT_SIGNED
 */
function signatureOf(
	record: TaskRecord,
	chosen: AgentChoice | null,
	{ orders, hostId }: RetryPlace,
	{ model, sign }: RetryRequest,
): string | null {
	if (record.host !== hostId) {
		if (model === null && !sign) return record.signature;
		throw new DispatchError(
			"DISPATCH_NOT_SIGNED",
			`\`${record.spec.id}\` is of the host ${record.host}: only its own user signs what runs there.`,
			{ hint: `Run this on ${record.host}, or leave --${sign ? "sign" : "model"} out.` },
		);
	}
	if (sign) orders.requireNoCopy(record);
	else orders.require(record);
	return orders.sign(record, { chosen });
}

async function restart(store: Store, { spec, state, revision }: TaskRecord, set: RecordChanges) {
	const moved = await store.move({ id: spec.id, from: [state], to: "queued", revision, set, why: "retry" });
	if (moved.result === "moved") return;
	throw new DispatchError("DISPATCH_STALE", `\`${spec.id}\` changed in between.`, {
		hint: `Look again: dispatch status ${spec.id}`,
	});
}

function notEnded({ spec, state, host }: TaskRecord, isLost: boolean): DispatchError {
	if (isLost)
		return new DispatchError(
			"DISPATCH_NOT_ENDED",
			`\`${spec.id}\` is ${state} on ${host}, where no worker runs.`,
			{
				hint: `This host takes it over with: dispatch retry ${spec.id} --here`,
			},
		);
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${state}, it has not ended.`, {
		hint:
			state === "parked"
				? `It goes on once it is answered: dispatch answer ${spec.id} "…"`
				: `Cancel it first: dispatch cancel ${spec.id}`,
	});
}

/**
 * Another model does the same work: the words of template and alias stay, and no permission is widened.
 * @returns the agent in place of the one that was asked for; null: that one
 */
export async function chosenBy(
	config: Config,
	{ spec, chosen }: TaskRecord,
	flag: string | null,
): Promise<AgentChoice | null> {
	if (flag === null) return chosen;
	const { model, backend, reason, ...choice } = await chooseModel(config, { prompt: spec.prompt, flag });
	return {
		model,
		backend,
		modelReason: reason,
		permissions: narrower(spec.permissions, choice.permissions),
		promptAddition: joined(choice.promptAddition, spec.promptAddition),
	};
}

function joined(more: string | null, words: string | null): string | null {
	if (more === null || words === null) return more ?? words;
	return words.includes(more) ? words : `${more}\n\n${words}`;
}

/** Attempts and the clock of the deadline begin anew: the user decided on it. */
export function changesOf(record: TaskRecord, chosen: AgentChoice | null, fresh: boolean): RecordChanges {
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
		...(fresh ? beginning(record) : {}),
	};
}

/** The start puts the files back, on its host; nothing of the earlier run is shown as this one's until then. */
function beginning({ spec, progress }: TaskRecord): RecordChanges {
	const plan = parsePlan(firstPlan(spec));
	return { hasReport: false, progress: { ...progress, plan, activity: null, lastSignAt: null } };
}
