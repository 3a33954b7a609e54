/**
 * What a person or a host agent wants to be told, each once: a question, an end. The reader keeps its own
 * position, so that a loop of calls misses nothing and repeats nothing.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ENDED_STATES, type State } from "../task/states.ts";
import { eventsAfter, lastEventId } from "./events.ts";
import type { Store } from "./store.ts";

const LOOK_MS = 250;
const PAGE = 1_000;

/** JSON: may be kept in a file, or handed to a host agent and back. */
export interface FeedPosition {
	/** the last event of the namespace's stream that was looked at */
	event: string;
	/** open questions that were told already: `<task> <number> <time of asking>` */
	asked: string[];
}

export type FeedEvent =
	| { kind: "asked"; task: string; seq: string; at: number }
	| { kind: "ended"; task: string; state: State; at: number };

export interface FeedFilter {
	/** null: all tasks, those to come included */
	ids: ReadonlySet<string> | null;
	questions: boolean;
}

/** A new reader is told the open questions, and what ends from now on. */
export async function startOfFeed(store: Store): Promise<FeedPosition> {
	return { event: await lastEventId(store), asked: [] };
}

/** The oldest event that was not told yet; what is out of date (answered, started again) is left out. */
export async function nextEvent(
	store: Store,
	from: FeedPosition,
	filter: FeedFilter,
): Promise<{ event: FeedEvent | null; position: FeedPosition }> {
	const open = await store.openQuestions();
	const nameOf = ({ task, seq, askedAt }: (typeof open)[number]) => `${task} ${seq} ${askedAt}`;
	const names = new Set(open.map(nameOf));
	const position = { event: from.event, asked: from.asked.filter((name) => names.has(name)) };
	const question = open.find(
		(each) => filter.questions && isWanted(each.task, filter) && !position.asked.includes(nameOf(each)),
	);
	const end = await nextEnd(store, position.event, filter);
	if (question !== undefined && (end.event === null || question.askedAt <= end.event.at)) {
		const { task, seq, askedAt: at } = question;
		const asked = [...position.asked, nameOf(question)];
		return { event: { kind: "asked", task, seq, at }, position: { event: end.before, asked } };
	}
	return { event: end.event, position: { ...position, event: end.event === null ? end.before : end.id } };
}

function isWanted(task: string, { ids }: FeedFilter): boolean {
	return ids === null || ids.has(task);
}

interface NextEnd {
	event: (FeedEvent & { kind: "ended" }) | null;
	/** its place in the stream, and the last place before it that holds nothing to tell */
	id: string;
	before: string;
}

async function nextEnd(store: Store, from: string, filter: FeedFilter): Promise<NextEnd> {
	let before = from;
	for (;;) {
		const page = await eventsAfter(store, before, PAGE);
		for (const { id, task, kind, at } of page) {
			const state = ENDED_STATES.find((each) => each === kind);
			// Started again since: it is not over.
			if (state !== undefined && isWanted(task, filter) && (await store.stateOf(task)) === state)
				return { event: { kind: "ended", task, state, at }, id, before };
			before = id;
		}
		if (page.length < PAGE) return { event: null, id: before, before };
	}
}

export interface FeedWait extends FeedFilter {
	timeoutMs: number | null;
	signal: AbortSignal;
	onLook?: () => void;
}

/**
 * Waits for the next event. @param store role `service`: an outage of Redis only delays it
 * @returns event null: timed out, or aborted
 */
export async function waitForEvent(
	store: Store,
	from: FeedPosition,
	{ timeoutMs, signal, onLook, ...filter }: FeedWait,
): Promise<{ event: FeedEvent | null; position: FeedPosition }> {
	const until = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
	let position = from;
	for (;;) {
		const next = await nextEvent(store, position, filter);
		if (next.event !== null || signal.aborted || performance.now() >= until) return next;
		position = next.position;
		onLook?.();
		const waitMs = Math.max(0, Math.min(LOOK_MS, until - performance.now()));
		await sleep(waitMs, undefined, { signal }).catch(() => {});
	}
}
