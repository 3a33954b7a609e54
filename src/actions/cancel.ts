/** Cancels tasks. The host that runs an agent ends it: that takes a moment, for all of them the same one. */
import { setTimeout as sleep } from "node:timers/promises";
import { cancelLost } from "../queue/records/lost-hosts.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded, type State } from "../task/states.ts";
import { eachOrNone, findSound, findTask } from "./find-task.ts";
import { type Each, isDone } from "./several.ts";

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
}

/**
 * Asks for the end of all of them, at once.
 * @param given ids, or the beginnings of them; ids alone where `find` is `exactly`; or records, read a moment ago
 * @throws DISPATCH_NO_SUCH_TASK, before anything is cancelled
 */
export async function cancelTasks(
	store: Store,
	given: readonly string[] | readonly TaskRecord[],
	{ by, own, find = findTask }: CancelOptions,
): Promise<Cancelled[]> {
	const found = new Map<string, { host: string; damaged: boolean }>();
	const records = await eachOrNone<string | TaskRecord, TaskRecord | null>(given, async (each) =>
		typeof each === "string" ? findSound(store, each, find) : each,
	);
	for (const [n, record] of records.entries()) {
		const each = given[n] ?? "";
		if (record !== null) found.set(record.spec.id, { host: record.host, damaged: false });
		else if (typeof each === "string")
			found.set(each, { host: (await store.liveBrief(each))?.host ?? "", damaged: true });
	}
	const tasks = [...found];
	const replies = await Promise.all(
		tasks.map(([id, { host, damaged }]) =>
			damaged ? store.cancel(id, by) : cancelOne(store, { id, host }, by, own),
		),
	);
	return replies.map((reply, n) => {
		const [task, { host }] = tasks[n] as (typeof tasks)[number];
		// Removed in between: then it had ended.
		if (reply.result === "none") return { task, host, result: "ended", state: "cancelled" };
		return { task, host, result: reply.result, state: reply.state };
	});
}

/** Where its host is gone, the task ends all the same; that host ends its agent when it comes back. */
async function cancelOne(
	store: Store,
	{ id, host }: { id: string; host: string },
	by: string,
	own: string | undefined,
) {
	const reply = host === own ? null : await cancelLost(store, id, by);
	if (reply === null || reply.result === "none" || reply.result === "alive") return store.cancel(id, by);
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
export function refusedOrAsked(cancelled: readonly Cancelled[]): Each<Cancelled>[] {
	return cancelled.map((each) => {
		const { task, result, state } = each;
		if (result !== "ended") return { task, done: each };
		const refusal = new DispatchError(
			"DISPATCH_ALREADY_ENDED",
			`Nothing to cancel: \`${task}\` is ${state}.`,
		);
		return { task, refusal };
	});
}

/** @throws DISPATCH_ALREADY_ENDED for the first of those that had ended before */
export function refuseEnded(cancelled: readonly Cancelled[]): void {
	for (const each of refusedOrAsked(cancelled)) if (!isDone(each)) throw each.refusal;
}
