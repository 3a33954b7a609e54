/** Cancels tasks. The host that runs an agent ends it: that takes a moment, for all of them the same one. */
import { setTimeout as sleep } from "node:timers/promises";
import { cancelLost } from "../queue/records/lost-hosts.ts";
import type { CancelResult, Store } from "../queue/records/store.ts";
import { type Agreed, agreedTo } from "../task/agreed.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded, type State } from "../task/states.ts";
import { eachOrNone, findSound, findTask } from "./find-task.ts";
import { attempt, type Each, isDone, orOutage } from "./several.ts";

const LOOK_MS = 100;

export interface Cancelled {
	task: string;
	host: string;
	/** cancelling: its host was asked to end the agent; ended: there was nothing to cancel */
	result: "cancelled" | "cancelling" | "ended";
	state: State;
}

export interface CancelOptions {
	/** who asks */
	by: string;
	/** this host, where the caller starts its worker if it does not run: it ends its own agents then */
	own?: string;
	find?: typeof findTask;
	/** of records: those that a filter takes; one that was started again since it was read is left alone in any case */
	states?: readonly State[];
}

/**
 * Asks for the end of all of them, at once. What an outage of Redis keeps from an answer may be asked for or not.
 * @param given ids, or the beginnings of them; ids alone where `find` is `exactly`; or records, read a moment ago
 * @throws DISPATCH_NO_SUCH_TASK, before anything is cancelled
 */
export async function cancelTasks(
	store: Store,
	given: readonly string[] | readonly TaskRecord[],
	{ by, own, find = findTask, states }: CancelOptions,
): Promise<Each<Cancelled>[]> {
	const found = new Map<string, { host: string; damaged: boolean; agreed?: Agreed }>();
	const records = await eachOrNone<string | TaskRecord, TaskRecord | null>(given, async (each) =>
		typeof each === "string" ? findSound(store, each, find) : each,
	);
	for (const [n, record] of records.entries()) {
		const each = given[n] ?? "";
		// Who names a task by its id means it as it is.
		const agreed = typeof each === "string" || record === null ? {} : { agreed: agreedTo(record, states) };
		if (record !== null) found.set(record.spec.id, { host: record.host, damaged: false, ...agreed });
		else if (typeof each === "string")
			found.set(each, { host: (await store.liveBrief(each))?.host ?? "", damaged: true });
	}
	return Promise.all(
		[...found].map(async ([task, { host, damaged, agreed }]) => {
			const done = await orOutage(
				attempt(task, async (): Promise<Cancelled> => {
					const asked = { id: task, by, agreed };
					const reply = await (damaged || host === own ? cancelThere(store, asked) : cancelOne(store, asked));
					// Removed in between: then it had ended.
					if (reply.result === "none") return { task, host, result: "ended", state: "cancelled" };
					return { task, host, result: reply.result, state: reply.state };
				}),
			);
			return done instanceof DispatchError ? { task, refusal: done } : done;
		}),
	);
}

interface Asked {
	id: string;
	by: string;
	agreed: Agreed | undefined;
}

function cancelThere(store: Store, { id, by, agreed }: Asked): Promise<CancelResult> {
	return store.cancel(id, by, agreed);
}

/** Where its host is gone, the task ends all the same; that host ends its agent when it comes back. */
async function cancelOne(store: Store, asked: Asked): Promise<CancelResult> {
	const reply = await cancelLost(store, asked.id, asked.by, asked.agreed);
	if (reply.result === "none" || reply.result === "alive") return cancelThere(store, asked);
	return { result: reply.result, state: reply.state };
}

/**
 * Waits until the agents are gone.
 * @param limitMs for all of them together
 * @returns the states then, by task; null: it was removed meanwhile
 */
export async function afterCancel(
	store: Store,
	tasks: readonly string[],
	limitMs: number,
): Promise<Map<string, State | null>> {
	const until = performance.now() + limitMs;
	const states = new Map<string, State | null>();
	for (;;) {
		for (const task of tasks) {
			const state = states.get(task);
			if (state !== null && (state === undefined || !isEnded(state)))
				states.set(task, await store.stateOf(task));
		}
		const all = [...states.values()].every((state) => state === null || isEnded(state));
		if (all || performance.now() > until) return states;
		await sleep(LOOK_MS);
	}
}

/** Of each: what was asked for, or that there was nothing to cancel. */
export function refusedOrAsked(cancelled: readonly Each<Cancelled>[]): Each<Cancelled>[] {
	return cancelled.map((each) => {
		if (!isDone(each) || each.done.result !== "ended") return each;
		const { task, done } = each;
		const refusal = new DispatchError(
			"DISPATCH_ALREADY_ENDED",
			`Nothing to cancel: \`${task}\` is ${done.state}.`,
		);
		return { task, refusal };
	});
}

/** As `each`, but what had ended by itself when its agent was to be stopped is refused. @param states what `afterCancel` found */
export function endedMeanwhile(
	each: readonly Each<Cancelled>[],
	states: ReadonlyMap<string, State | null>,
): Each<Cancelled>[] {
	return each.map((one) => {
		const state = states.get(one.task);
		if (!isDone(one) || !state || !isEnded(state) || state === "cancelled") return one;
		const { task } = one;
		const message = `\`${task}\` ended before it could be cancelled: it is ${state}.`;
		return { task, refusal: new DispatchError("DISPATCH_ALREADY_ENDED", message) };
	});
}
