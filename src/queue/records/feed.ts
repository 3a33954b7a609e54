/**
 * What a person or a host agent wants to be told, each once: a question, an end. The reader keeps its own
 * position, so that a loop of calls misses nothing and repeats nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { TaskRecord } from "../../task/record.ts";
import { ENDED_STATES, isEnded, type State } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import { Answers, ONE_LOOK_MS, orAborted, unlessAway } from "../redis/or-aborted.ts";
import { endsOf, type FeedEnd, isCurrent, lostEnds } from "./ends.ts";
import { eventsFrom, isBefore, lastEventId, placeBefore } from "./events.ts";
import type { Store } from "./store.ts";

const LOOK_MS = 250;
const PAGE = 1_000;

/** JSON: may be kept in a file, or handed to a host agent and back. */
export interface FeedPosition {
	/** the last event of the namespace's stream that was looked at */
	event: string;
	/** open questions that were told already: `<task> <number> <time of asking>` */
	asked: string[];
	/** ends up to `event` that were not wanted when they were passed: a later call may want them */
	passed: FeedEnd[];
}

export type FeedEvent =
	| { kind: "asked"; task: string; seq: string; at: number }
	| ({ kind: "ended" } & FeedEnd);

export interface FeedFilter {
	/** null: all tasks, those to come included */
	ids: ReadonlySet<string> | null;
	/** of these the questions are told, too: the wanted ones wait for them */
	needed?: ReadonlySet<string>;
	/** without them, a task that parks is told as an end */
	questions: boolean;
}

export interface Told {
	event: FeedEvent | null;
	position: FeedPosition;
}

export interface Waited extends Told {
	/** since when nothing is known, as Redis does not answer: ms since the Unix epoch; null: it answers */
	awaySince: number | null;
}

/**
 * A new reader is told the open questions, and what ends from now on.
 * @param named tasks that it asks for: they are told even if they have ended
 */
export async function startOfFeed(store: Store, named: readonly TaskRecord[] = []): Promise<FeedPosition> {
	const event = await lastEventId(store);
	const ends = await endsOf(
		store,
		named.map(({ spec }) => spec.id),
	);
	const passed = ends
		// What ended since the place was read comes from the stream.
		.filter((end) => isEnded(end.state) && (end.event === undefined || !isBefore(event, end.event)))
		.sort((a, b) => a.at - b.at);
	return { event, asked: [], passed };
}

/** The oldest event that was not told yet; what is out of date (answered, started again) is left out. */
export async function nextEvent(store: Store, from: FeedPosition, filter: FeedFilter): Promise<Told> {
	const open = await store.openQuestions();
	const nameOf = ({ task, seq, askedAt }: (typeof open)[number]) => `${task} ${seq} ${askedAt}`;
	const names = new Set(open.map(nameOf));
	const asked = from.asked.filter((name) => names.has(name));
	const wasAsked = new Set(asked);
	const question = open.find(
		(each) =>
			filter.questions &&
			(isWanted(each.task, filter) || filter.needed?.has(each.task)) &&
			!wasAsked.has(nameOf(each)),
	);
	const end = await nextEnd(store, from, filter);
	if (question !== undefined && (end.event === null || question.askedAt <= end.event.at)) {
		const { task, seq, askedAt: at } = question;
		const position = { ...end.before, asked: [...asked, nameOf(question)] };
		return { event: { kind: "asked", task, seq, at }, position };
	}
	return { event: end.event && { kind: "ended", ...end.event }, position: { ...end.after, asked } };
}

function isWanted(task: string, { ids }: FeedFilter): boolean {
	return ids === null || ids.has(task);
}

function kindsOf({ questions }: FeedFilter): readonly State[] {
	return questions ? ENDED_STATES : [...ENDED_STATES, "parked"];
}

type Place = Pick<FeedPosition, "event" | "passed">;

interface NextEnd {
	event: FeedEnd | null;
	before: Place;
	after: Place;
}

/** Of those that were passed, or else of the stream. */
async function nextEnd(store: Store, from: Place, filter: FeedFilter): Promise<NextEnd> {
	const passed = [...from.passed];
	for (const end of from.passed) {
		if (!isWanted(end.task, filter) || !kindsOf(filter).includes(end.state)) continue;
		const rest = passed.filter((each) => each !== end);
		const event = from.event;
		if (await isCurrent(store, end))
			return { event: end, before: { event, passed }, after: { event, passed: rest } };
		passed.splice(passed.indexOf(end), 1);
	}
	return nextOfStream(store, { event: from.event, passed }, filter);
}

async function nextOfStream(store: Store, from: Place, filter: FeedFilter): Promise<NextEnd> {
	const kinds = kindsOf(filter);
	let { event, passed } = from;
	for (;;) {
		const { events: page, firstId } = await eventsFrom(store, event, PAGE);
		if (firstId === null || isBefore(event, placeBefore(firstId))) {
			const place = await afterGap(store, { event, passed }, firstId);
			if (place.event !== event) return nextEnd(store, place, filter);
		}
		for (const { id, task, kind, at } of page) {
			const state = kinds.find((each) => each === kind);
			const end = state && { task, state, at, event: id };
			if (end && isWanted(task, filter) && (await isCurrent(store, end)))
				return { event: end, before: { event, passed }, after: { event: id, passed } };
			// A later end of the same task is the one that counts.
			if (end && !isWanted(task, filter)) passed = [...passed.filter((each) => each.task !== task), end];
			event = id;
		}
		if (page.length < PAGE) return { event: null, before: { event, passed }, after: { event, passed } };
	}
}

/**
 * The stream lost its oldest events before they were read: the records still know how each task ended.
 * @param firstId where the stream begins; null: it is empty
 */
async function afterGap(store: Store, { event, passed }: Place, firstId: string | null): Promise<Place> {
	const lost = await lostEnds(store, event, firstId);
	const tasks = new Set(lost.map(({ task }) => task));
	const place = firstId === null ? (lost.at(-1)?.event ?? event) : placeBefore(firstId);
	return { event: place, passed: [...passed.filter(({ task }) => !tasks.has(task)), ...lost] };
}

export interface FeedWait extends FeedFilter {
	/** null: no limit */
	timeoutMs: number | null;
	signal: AbortSignal;
	/** called after each look that found nothing; awaited, unless Redis is away or the time is over */
	onLook?: () => unknown;
	/** keeps the position that an event leads to, in the same turn in which nobody else had moved it */
	keep?: (position: FeedPosition) => void;
}

/**
 * Waits for the next event of a position that others may move at the same time: what one of them was told
 * meanwhile is not told again.
 * @param store role `service`: an outage of Redis only delays it; time limit and signal hold all the same
 * @param current the position as it is kept
 * @returns event null: timed out, or aborted
 */
export async function waitForEvent(
	store: Store,
	current: () => FeedPosition,
	wait: FeedWait,
): Promise<Waited> {
	const { timeoutMs, signal } = wait;
	const limit = timeLimit(timeoutMs === null ? null : Math.max(timeoutMs, ONE_LOOK_MS), signal);
	try {
		return await lookUntil(store, current, wait, limit.signal);
	} finally {
		limit.release();
	}
}

async function lookUntil(
	store: Store,
	current: () => FeedPosition,
	{ timeoutMs, signal, onLook, keep, ...filter }: FeedWait,
	limit: AbortSignal,
): Promise<Waited> {
	const answers = new Answers();
	const until = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
	let kept = current();
	let position = kept;
	for (;;) {
		const looked = await orAborted(unlessAway(nextEvent(store, position, filter)), limit);
		answers.saw(looked);
		const { awaySince } = answers;
		if (looked === "aborted") return { event: null, position, awaySince };
		// A server that refuses everybody for a while is waited out: there is nothing new.
		const next = looked === "away" ? { event: null, position } : looked;
		const now = current();
		if (isSame(now, kept)) {
			if (next.event !== null && !signal.aborted) keep?.(next.position);
			if (next.event !== null || limit.aborted || performance.now() >= until) return { ...next, awaySince };
			position = next.position;
			await orAborted(unlessAway(Promise.resolve(onLook?.())), limit);
			const waitMs = Math.max(0, Math.min(LOOK_MS, until - performance.now()));
			await sleep(waitMs, undefined, { signal: limit }).catch(() => {});
		} else {
			kept = now;
			position = now;
		}
	}
}

function isSame(a: FeedPosition, b: FeedPosition): boolean {
	return a === b || JSON.stringify(a) === JSON.stringify(b);
}
