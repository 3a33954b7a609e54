/** One act on each of several tasks: what stands against it for one keeps none of the others. */
import type { Store } from "../queue/records/store.ts";
import { agreedTo, changedSince } from "../task/agreed.ts";
import { DispatchError, isOutage } from "../task/errors.ts";
import type { Question } from "../task/question.ts";
import type { TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";
import { matches, type TaskFilter } from "./list.ts";

export interface Done<T> {
	task: string;
	done: T;
}

export interface NotDone {
	task: string;
	/** why not */
	refusal: DispatchError;
	/** it was left as it was: it was not its turn any more, or Redis is full, which takes nothing by half */
	isUntouched?: true;
}

/** What became of it for one task. */
export type Each<T> = Done<T> | NotDone;

/** @throws what is no refusal of this one task: a fault, or a Redis in trouble */
export async function attempt<T>(task: string, act: () => Promise<T> | T): Promise<Each<T>> {
	try {
		return { task, done: await act() };
	} catch (error) {
		if (!(error instanceof DispatchError) || isOutage(error)) throw error;
		return { task, refusal: error };
	}
}

/**
 * One after the other, until an outage of Redis: of the one at hand then nobody knows whether it was done (but where
 * Redis is full), the rest is left as it was.
 * @throws a fault
 */
export async function eachInTurn<G, T>(
	given: readonly G[],
	idOf: (one: G) => string,
	act: (one: G) => Promise<T>,
): Promise<Each<T>[]> {
	const all: Each<T>[] = [];
	let outage: DispatchError | null = null;
	for (const one of given) {
		const task = idOf(one);
		if (outage !== null) {
			all.push({ task, refusal: outage, isUntouched: true });
			continue;
		}
		const done = await orOutage(attempt(task, () => act(one)));
		outage = done instanceof DispatchError ? done : null;
		all.push(done instanceof DispatchError ? cutBy(task, done) : done);
	}
	return all;
}

function cutBy(task: string, refusal: DispatchError): NotDone {
	return isFull(refusal) ? { task, refusal, isUntouched: true } : { task, refusal };
}

/** Whether Redis is there, and only has no room for more. */
export function isFull({ code }: DispatchError): boolean {
	return code === "DISPATCH_REDIS_FULL";
}

/** What came of it, or the outage of Redis that came in between. @throws anything else */
export async function orOutage<T>(act: Promise<T>): Promise<T | DispatchError> {
	try {
		return await act;
	} catch (error) {
		if (!(error instanceof DispatchError && isOutage(error))) throw error;
		return error;
	}
}

/** Those that an outage of Redis kept from it. */
export function cutOff(each: readonly Each<unknown>[]): NotDone[] {
	return each.filter((one): one is NotDone => !isDone(one) && isOutage(one.refusal));
}

export function isDone<T>(each: Each<T>): each is Done<T> {
	return "done" in each;
}

/** Of the only one. @throws its refusal */
export function theOnly<T>([each]: readonly Each<T>[]): T {
	if (each === undefined) throw new Error("There is none.");
	if (isDone(each)) return each.done;
	throw each.refusal;
}

export interface Filtered {
	/** newest first; those whose record is damaged are never among them: they have nothing to filter by */
	records: TaskRecord[];
	/** how many more there are on other hosts, left out */
	elsewhere: number;
}

/**
 * The tasks that a filter means.
 * @param filter `host` undefined: of this host only
 * @param here this host's id; null: of all hosts
 * @throws DISPATCH_USAGE for a state that is none
 */
export async function filteredTasks(
	store: Store,
	filter: TaskFilter & { states: readonly State[] },
	here: string | null,
): Promise<Filtered> {
	const isWanted = matches(filter);
	const states = await store.states();
	const ids = [...states].filter(([, state]) => state !== null && filter.states.includes(state));
	const found = (await store.getMany(ids.map(([id]) => id))).filter(isWanted);
	if (here === null || filter.host !== undefined) return { records: found, elsewhere: 0 };
	const records = found.filter(({ host }) => host === here);
	return { records, elsewhere: found.length - records.length };
}

/** A task as a person saw it; with the question, where it is for that. */
export interface Shown {
	record: TaskRecord;
	question?: Question | null;
}

/** What a person agreed to is what was shown: one that has moved on meanwhile is left alone. @throws DISPATCH_STALE */
export function requireAsShown(
	{ record: shown, question }: Shown,
	{ record: now, question: asked }: Partial<Shown>,
	states: readonly State[],
): void {
	const { id } = shown.spec;
	const isThatStart = now?.spec.nonce === shown.spec.nonce && now.generation === shown.generation;
	if (now === undefined || !isThatStart || !states.includes(now.state))
		throw changedSince(id, agreedTo(shown, states), now?.state ?? null);
	if (question === undefined || isThatQuestion(question, asked)) return;
	throw new DispatchError("DISPATCH_STALE", `\`${id}\` asks something else by now: left alone.`);
}

function isThatQuestion(shown: Question | null, asked: Question | null | undefined): boolean {
	return (["seq", "text", "askedAt"] as const).every((part) => shown?.[part] === asked?.[part]);
}
