/** The order of a list of tasks. */
import { DispatchError } from "../task/errors.ts";
import { agentOf, type TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";

export type Order = (a: TaskRecord, b: TaskRecord) => number;

/** What needs a person first, then what runs, then what waits, then what ended. */
const URGENCY: Readonly<Record<State, number>> = {
	asking: 0,
	parked: 1,
	running: 2,
	queued: 3,
	waiting: 4,
	failed: 5,
	completed: 6,
	cancelled: 7,
};

const ORDERS: Readonly<Record<string, Order>> = {
	age: (a, b) => b.createdAt - a.createdAt,
	task: (a, b) => inLetters(a.spec.id, b.spec.id),
	state: (a, b) => URGENCY[a.state] - URGENCY[b.state],
	model: (a, b) => inLetters(modelOf(a), modelOf(b)),
	owner: (a, b) => inLetters(a.spec.createdBy, b.spec.createdBy),
	host: (a, b) => inLetters(a.host, b.host),
	cost: (a, b) => costOf(b) - costOf(a),
};

export const SORT_NAMES = Object.keys(ORDERS);

/**
 * @param given a column's name; with `-` before it, the other way round
 * @returns the newest first among equals
 * @throws DISPATCH_USAGE
 */
export function orderOf(given: string): Order {
	const [, sign = "", name = ""] = /^(-?)(.*)$/s.exec(given) ?? [];
	const order = Object.hasOwn(ORDERS, name) ? ORDERS[name] : undefined;
	if (order === undefined)
		throw new DispatchError("DISPATCH_USAGE", `Expected --sort to be a column, got "${given}".`, {
			hint: `One of ${SORT_NAMES.join(", ")}; with - before it, the other way round.`,
		});
	return (a, b) => (sign === "-" ? order(b, a) : order(a, b)) || b.createdAt - a.createdAt;
}

function inLetters(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function modelOf(record: TaskRecord): string {
	const { model, backend } = agentOf(record);
	return model ?? backend;
}

function costOf({ progress }: TaskRecord): number {
	return progress.usage?.costUsd ?? 0;
}
