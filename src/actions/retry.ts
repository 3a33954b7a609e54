/** Starts ended tasks again. */
import { chooseModel } from "../config/choose.ts";
import type { Config } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import type { TaskEnv } from "../config/task-env.ts";
import { lostHosts } from "../queue/records/lost-hosts.ts";
import type { RecordChanges } from "../queue/records/record-fields.ts";
import type { NotStarted, Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import { allNeeds, openNeeds } from "../task/needs.ts";
import { parsePlan } from "../task/plan.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import { type AgentChoice, firstPlan, narrower } from "../task/spec.ts";
import { isEnded, SKIPPED, type State } from "../task/states.ts";
import { recordsOf } from "./find-task.ts";
import { attempt, type Each, eachInTurn, isDone, theOnly } from "./several.ts";

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
	/** it never ran before */
	isFirst: boolean;
}

/** What is to be done, when nothing stands against it. */
interface Plan {
	record: TaskRecord;
	chosen: AgentChoice | null;
	signature: string | null;
	fresh: boolean;
}

/**
 * Each by itself: what stands against one keeps none of the others.
 * @param given ids, or the beginnings of them; or records, read a moment ago
 * @param agrees asked once, of those that nothing stands against, as they will be signed
 * @returns null: it was not agreed to
 * @throws DISPATCH_NO_SUCH_TASK, DISPATCH_UNKNOWN_MODEL, before anything is done
 */
export async function retryTasks(
	store: Store,
	place: RetryPlace,
	given: readonly string[] | readonly TaskRecord[],
	request: RetryRequest,
	agrees: (records: readonly TaskRecord[]) => Promise<boolean> = async () => true,
): Promise<Each<Retried>[] | null> {
	const records = await recordsOf(store, given);
	const lost = await lostHosts(store, records);
	const plans: Each<Plan>[] = [];
	for (const record of neededFirst(records)) {
		const chosen = await chosenBy(place.config, record, request.model);
		plans.push(
			await attempt(record.spec.id, () => {
				if (!isEnded(record.state)) throw notEnded(record, lost.has(record.host), place.hostId);
				const signature = signatureOf(record, chosen, place, request);
				return { record, chosen, signature, fresh: request.fresh || beginsAnew(record.state) };
			}),
		);
	}
	const possible = plans.filter(isDone);
	const signed = possible.map(({ done }) => ({ ...done.record, chosen: done.chosen }));
	if (signed.length > 0 && !(await agrees(signed))) return null;
	return eachInTurn(
		plans,
		({ task }) => task,
		async (plan) => {
			if (!isDone(plan)) throw plan.refusal;
			return carryOut(store, place, plan.done);
		},
	);
}

/** A completed task has nothing left to go on with. */
export function beginsAnew(state: State): boolean {
	return state === "completed";
}

/** As `retryTasks`, of one. @throws what stands against it, too */
export async function retryTask(
	store: Store,
	place: RetryPlace,
	record: TaskRecord,
	request: RetryRequest,
): Promise<Retried> {
	return theOnly((await retryTasks(store, place, [record], request)) ?? []);
}

async function carryOut(store: Store, place: RetryPlace, plan: Plan): Promise<Retried> {
	const { record, chosen, signature, fresh } = plan;
	// A key that was rotated since is the one to go on with.
	if (record.host === place.hostId) place.taskEnv?.keep(record.spec);
	await restart(store, record, { ...changesOf(record, chosen, fresh), signature });
	const agent = agentOf({ spec: record.spec, chosen });
	return { task: record.spec.id, host: record.host, agent, fresh, isFirst: record.startedAt === null };
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

async function restart(store: Store, { spec, state, revision, reason }: TaskRecord, set: RecordChanges) {
	const { id } = spec;
	let moved = await store.move({ id, from: [state], to: "queued", revision, set, why: "retry" });
	// What it needs was started again a moment before, and has woken it: it goes on as asked here.
	if (moved.result === "stale" && reason === SKIPPED && moved.state === "waiting")
		moved = await store.move({ id, from: ["waiting"], to: "queued", set, why: "retry" });
	if (moved.result === "moved") return;
	if (moved.result === "needs") throw await notBefore(store, id, moved);
	throw new DispatchError("DISPATCH_STALE", `\`${spec.id}\` changed in between.`, {
		hint: `Look again: dispatch status ${spec.id}`,
	});
}

/** So that each finds what it needs already under way. In the order given otherwise. */
function neededFirst(records: readonly TaskRecord[]): TaskRecord[] {
	const given = new Set(records.map(({ spec }) => spec.id));
	const left = new Map<TaskRecord, number>();
	const dependents = new Map<string, TaskRecord[]>();
	for (const record of records) {
		const needed = allNeeds(record).filter((id) => given.has(id));
		left.set(record, needed.length);
		for (const id of needed) dependents.set(id, [...(dependents.get(id) ?? []), record]);
	}
	const ordered = new Set(records.filter((record) => left.get(record) === 0));
	for (const { spec } of ordered)
		for (const next of dependents.get(spec.id) ?? []) {
			left.set(next, (left.get(next) ?? 0) - 1);
			if (left.get(next) === 0) ordered.add(next);
		}
	// Names that were used again may need each other.
	return [...new Set([...ordered, ...records])];
}

/** What is refused of a task that cannot start: which one is in its way, and which is to blame. */
export async function notBefore(store: Store, id: string, stopped: NotStarted): Promise<DispatchError> {
	const { need } = stopped;
	const root = await rootOf(store, stopped);
	const how = (what: string) => (what === "failed" ? "failed" : `was ${what}`);
	const said =
		root.need === need
			? `which ${how(root.became)}`
			: `which was skipped because of \`${root.need}\`, which ${how(root.became)}`;
	const [record] = await store.getMany([id]);
	const what = record?.needs[need]?.stops ? `The batch of \`${id}\` stops at` : `\`${id}\` needs`;
	return new DispatchError("DISPATCH_NEEDS", `${what} \`${need}\`, ${said}.`, {
		hint: `Start that again, and \`${id}\` follows: dispatch retry ${root.need}. To start \`${id}\` without: dispatch rm ${need}, then retry it.`,
	});
}

/** The one whose retry helps: back from who was skipped to what that was skipped for. */
async function rootOf(
	store: Store,
	{ need, became }: NotStarted,
): Promise<{ need: string; became: NotStarted["became"] | typeof SKIPPED }> {
	const seen = new Set<string>();
	let root: Awaited<ReturnType<typeof rootOf>> = { need, became };
	while (!seen.has(root.need)) {
		seen.add(root.need);
		const [record] = await store.getMany([root.need]);
		if (record?.reason !== SKIPPED) break;
		const inWay = (await store.getMany(openNeeds(record))).find(({ state }) => isEnded(state));
		// What is gone keeps it from nothing: it can be started itself.
		root =
			inWay === undefined
				? { need: root.need, became: SKIPPED }
				: { need: inWay.spec.id, became: inWay.state === "failed" ? "failed" : "cancelled" };
	}
	return root;
}

function notEnded({ spec, state, host }: TaskRecord, isLost: boolean, own: string): DispatchError {
	if (isLost)
		return new DispatchError(
			"DISPATCH_NOT_ENDED",
			`\`${spec.id}\` is ${state} on ${host}, where no worker runs.`,
			{
				hint:
					host === own
						? "It goes on with the worker of this host: dispatch up"
						: `This host takes it over with: dispatch retry ${spec.id} --here`,
			},
		);
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${state}, it has not ended.`, {
		hint:
			state === "waiting"
				? `It starts once what it needs has completed: dispatch status ${spec.id}`
				: state === "parked"
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
		takenAway: 0,
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
