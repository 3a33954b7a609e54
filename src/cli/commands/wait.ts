import { findTask } from "../../actions/find-task.ts";
import { neededBeside } from "../../actions/held-up.ts";
import { listTasks } from "../../actions/list.ts";
import { overviewOf } from "../../actions/overview.ts";
import { viewTask, viewTasks } from "../../actions/views.ts";
import { type WaitEnd, waitFor } from "../../actions/wait.ts";
import { startOfFeed, waitForEvent } from "../../queue/records/feed.ts";
import type { Store } from "../../queue/records/store.ts";
import { ONE_LOOK_MS, untilTaken } from "../../queue/redis/or-aborted.ts";
import { damagedError, optionOf, wordOf } from "../../task/damaged.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError, EXIT, isOutage } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { Context } from "../context.ts";
import { readCursor, writeCursor } from "../options/cursor-file.ts";
import { inTime } from "../options/in-time.ts";
import { timeLeft } from "../options/time-left.ts";
import { ring } from "../show/bell.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { NeededTeller } from "../show/needed-teller.ts";
import { oneLine } from "../show/output.ts";
import { ownRows } from "../show/own-lines.ts";
import { inRows, questionLine } from "../show/question-lines.ts";
import { QuestionTeller } from "../show/question-teller.ts";
import { endLine } from "../show/report-lines.ts";
import { RetryTeller } from "../show/retry-teller.ts";
import { StallTeller } from "../show/stall-teller.ts";
import { hostGone, noReply, nothingLeft, nothingNew, timedOut } from "../show/wait-ends.ts";

export interface WaitFlags {
	any?: boolean;
	for?: string;
	timeout?: string;
	cursor?: string;
}

interface WaitSettings {
	any?: boolean;
	forQuestion?: boolean;
	/** ms since this process started */
	timeoutMs: number | null;
	/** prints one document, not a list */
	single: boolean;
	/** somebody else has told its questions, those of what it needs, and that its host is drained */
	isTold?: boolean;
	/** tells what happens as it happens, and at the end what became of all; a script reads documents instead */
	teller?: (store: Store) => Teller;
	/** the command that waits for the same again; not there: `dispatch wait` with the ids */
	again?: string;
	/** ends the waiting in the place of Ctrl-C and SIGTERM */
	signal?: AbortSignal;
}

interface Teller {
	/** @param records all of them, as they are now */
	tell(records: readonly TaskRecord[]): Promise<void>;
	/** @param records those that are known */
	end(records: readonly TaskRecord[]): Promise<void>;
	release(): void;
}

export async function wait(context: Context, given: string[], flags: WaitFlags): Promise<number | undefined> {
	if (flags.for !== undefined && flags.for !== "question") {
		throw new DispatchError("DISPATCH_USAGE", `Expected --for to be question, got "${flags.for}".`);
	}
	const timeoutMs = flags.timeout === undefined ? null : parseDuration(flags.timeout, "--timeout");
	const leftMs = timeLeft(timeoutMs);
	const named = await inTime(leftMs(), noReply, () => found(context, given));
	if (flags.cursor !== undefined)
		return waitAtCursor(context, flags.cursor, named, {
			questions: flags.for === "question",
			timeoutMs,
			again: againOf(given, flags),
		});
	const ids = new Set(named.map(({ spec }) => spec.id));
	if (given.length === 0)
		for (const id of await inTime(leftMs(), noReply, () => openTasks(context))) ids.add(id);
	if (ids.size === 0) {
		context.output.result([], ["No task is open."]);
		return undefined;
	}
	const single = flags.any === true || given.length === 1;
	return waitForAll(context, [...ids], {
		any: flags.any ?? false,
		forQuestion: flags.for === "question",
		timeoutMs,
		single,
		again: againOf([...ids], flags),
	});
}

/** @throws DISPATCH_NO_SUCH_TASK for the first that is not there */
async function found(context: Context, given: readonly string[]): Promise<TaskRecord[]> {
	const store = await context.store("service");
	const records: TaskRecord[] = [];
	for (const id of given) records.push(await findTask(store, id));
	return records;
}

/** A damaged one has no end that could be waited for: it is told, at once where others are waited for, and as the end. */
async function openTasks(context: Context): Promise<string[]> {
	const store = await context.store("service");
	const { open, damaged } = await overviewOf(store);
	if (open.length > 0) for (const task of damaged) context.output.note(damagedError(task).inFull);
	return [...open.map(({ spec }) => spec.id), ...damaged.map(({ id }) => id)];
}

/** Of all tasks of a namespace: any one of a host tells that it is drained. */
const QUEUED_LOOKED_AT = 100;

const SINGLE: WaitSettings = { timeoutMs: null, single: true };

/**
 * Tells the next event that this cursor has not told, and moves it on.
 * @param named none: all tasks, those to come included
 */
async function waitAtCursor(
	context: Context,
	path: string,
	named: readonly TaskRecord[],
	wanted: { questions: boolean; timeoutMs: number | null; again: string },
): Promise<number> {
	const store = await context.store("service");
	const { namespace } = store;
	const leftMs = timeLeft(wanted.timeoutMs);
	const known = readCursor(path, namespace);
	const start =
		known ?? (await inTime(leftMs(), noReply, () => startOfFeed(store, named), { waitsOut: true }));
	if (known === null) writeCursor(path, { namespace, position: start });
	const ids = new Set(named.map(({ spec }) => spec.id));
	const areOver = named.length > 0 && named.every(({ state }) => isEnded(state));
	const interrupt = onInterrupt();
	const neededTeller = new NeededTeller(context, store);
	const stalls = new StallTeller(context, store);
	const { event, position, awaySince } = await waitForEvent(
		store,
		() => readCursor(path, namespace) ?? start,
		{
			questions: wanted.questions,
			ids: named.length === 0 ? null : ids,
			timeoutMs: areOver ? 0 : leftMs(),
			signal: interrupt.signal,
			onLook: async () => {
				context.output.progress("waiting for a question or an end");
				if (named.length === 0)
					return stalls.tell(
						async () => (await listTasks(store, { states: ["queued", "running"] }, QUEUED_LOOKED_AT)).records,
					);
				const records = await store.getMany([...ids]);
				const needed = (await neededBeside(store, records)).records;
				await stalls.tell(() => [...records, ...needed]);
				if (wanted.questions) await neededTeller.tell(records, needed);
			},
		},
	);
	context.output.clearProgress();
	interrupt.release();
	if (event === null) {
		if (interrupt.signal.aborted) return interrupted(context, wanted.again);
		throw areOver ? nothingLeft([...ids], path) : nothingNew(awaySince, stalls.line);
	}
	const tellEvent = async () => {
		const record = await store.need(event.task).catch((error: unknown) => {
			// It can be told in no other way: once is enough, and the next ones have their turn.
			if (!isOutage(error)) writeCursor(path, { namespace, position });
			throw error;
		});
		const end: WaitEnd =
			event.kind === "asked"
				? { kind: "asks", record, seq: event.seq }
				: { kind: "ended", records: [record] };
		return tell(context, end, [event.task], SINGLE);
	};
	const code = await inTime(leftMs(), noReply, tellEvent, { waitsOut: true });
	// Once it is told: a call that is cut off before tells it again.
	writeCursor(path, { namespace, position });
	return code;
}

/** Waits, prints the event, and gives the exit code for it. A Redis that is away only delays it, from the first moment. */
export async function waitForAll(context: Context, ids: string[], settings: WaitSettings): Promise<number> {
	const { output } = context;
	const leftMs = timeLeft(settings.timeoutMs);
	const { signal: given } = settings;
	const interrupt = given === undefined ? onInterrupt() : { signal: given, release: () => {} };
	let teller: Teller | undefined;
	let seen: readonly TaskRecord[] = [];
	try {
		const store = await connected(context, leftMs(), interrupt.signal);
		if (store === "aborted") {
			if (interrupt.signal.aborted) return tellInterrupted(context, ids, settings);
			throw noReply(ids);
		}
		teller = isHeard(context) ? settings.teller?.(store) : undefined;
		const tellQuestions = tellerOf(context, store, ids, settings);
		const neededTeller = new NeededTeller(context, store);
		const { isTold = false } = settings;
		const stalls = new StallTeller(context, store, { isTold });
		const end = await waitFor(store, ids, {
			any: settings.any ?? false,
			forQuestion: settings.forQuestion ?? false,
			timeoutMs: leftMs(),
			signal: interrupt.signal,
			onLook: async (records, needed) => {
				seen = records;
				if (!isTold) await neededTeller.tell(records, needed);
				await stalls.tell(() => [...records, ...needed]);
				if (teller !== undefined) return teller.tell(records);
				await tellQuestions(records);
				output.progress(progressLine(records));
			},
		});
		output.clearProgress();
		if (teller !== undefined) await tellEnd(teller, "records" in end ? end.records : seen, leftMs());
		if (end.kind === "timedOut") throw timedOut(end, ids, stalls.line);
		return await inTime(leftMs(), noReply, () => tell(context, end, ids, settings, teller !== undefined), {
			waitsOut: true,
		});
	} finally {
		teller?.release();
		interrupt.release();
	}
}

/** Whoever has put the tasks in a moment ago must not be told that they were refused: Redis is waited for. */
async function connected(
	context: Context,
	leftMs: number | null,
	signal: AbortSignal,
): Promise<Store | "aborted"> {
	const limit = timeLimit(leftMs === null ? null : Math.max(leftMs, ONE_LOOK_MS), signal);
	return untilTaken(() => context.store("service"), limit.signal).finally(() => limit.release());
}

/** What it cannot tell in time, since Redis is away, changes no exit code. */
async function tellEnd(teller: Teller, records: readonly TaskRecord[], leftMs: number | null): Promise<void> {
	const limit = timeLimit(Math.max(ONE_LOOK_MS, Math.min(END_LIMIT_MS, leftMs ?? END_LIMIT_MS)));
	await untilTaken(() => teller.end(records), limit.signal).finally(() => limit.release());
}

function isHeard({ output }: Context): boolean {
	return !output.json && !output.quiet;
}

/**
 * Tells questions and new starts as they come. Whoever waits for one is told that which ends the waiting; a script reads documents.
 * @returns what to do at each look
 */
function tellerOf(
	context: Context,
	store: Store,
	ids: readonly string[],
	{ forQuestion, isTold }: WaitSettings,
): (records: readonly TaskRecord[]) => Promise<void> {
	if (forQuestion || isTold || !isHeard(context)) return async () => {};
	const teller = new QuestionTeller(context, store, { several: ids.length > 1 });
	const retries = new RetryTeller(context, { starts: true });
	let isFirst = true;
	return async (records) => {
		retries.tell(records);
		if (isFirst) await teller.passAnswered(records);
		isFirst = false;
		await teller.tell(records);
	};
}

/** Of what is told at the end: a runner that cancels a job leaves little time. */
const END_LIMIT_MS = 5_000;
/** More would fill the screen. */
const IDS_SHOWN = 20;

/** @returns the command that waits for these again */
export function againOf(ids: readonly string[], flags: WaitFlags = {}): string {
	const options = [
		...(flags.any ? ["--any"] : []),
		...(flags.for === undefined ? [] : ["--for", flags.for]),
		...(flags.cursor === undefined ? [] : [oneLine(optionOf("--cursor", flags.cursor))]),
	];
	return ids.length > IDS_SHOWN ? "the same command" : ["dispatch wait", ...ids, ...options].join(" ");
}

/** @param given its id or its key, which is anybody's text */
export const againOfBatch = (given: string) => `dispatch batch wait ${oneLine(wordOf(given))}`;

/** Whoever stops looking has stopped nothing else. @returns the exit code */
export function interrupted({ output }: Context, again: string): number {
	output.note(`Interrupted: only the waiting has ended; wait again with: ${again}`);
	return EXIT.interrupted;
}

/** Whoever gave the signal tells what it ended. */
function tellInterrupted(
	context: Context,
	ids: readonly string[],
	{ signal, again = againOf(ids) }: WaitSettings,
): number {
	return signal === undefined ? interrupted(context, again) : EXIT.interrupted;
}

async function tell(
	context: Context,
	end: Exclude<WaitEnd, { kind: "timedOut" }>,
	ids: string[],
	settings: WaitSettings,
	isTold = false,
): Promise<number> {
	const { output } = context;
	const { single, isTold: isAmongAgents = false } = settings;
	// Scripts read it as it is.
	const inRowsOf = isAmongAgents && process.stdout.isTTY === true ? ownRows : inRows;
	const store = await context.store("service");
	switch (end.kind) {
		case "interrupted":
			return tellInterrupted(context, ids, settings);
		case "removed":
			throw new DispatchError("DISPATCH_NO_SUCH_TASK", `The task "${end.id}" was removed.`);
		case "damaged":
			if (!output.json && !isTold)
				output.result(null, inRowsOf((await viewTasks(store, end.records)).map((view) => endLine(view))));
			throw damagedError(end.damaged);
		case "hostGone":
			throw hostGone(end.records);
		case "asks": {
			const view = await viewTask(store, end.record);
			ring(context, "question");
			output.result(single ? view : [view], inRowsOf([questionLine(view, end.seq)]));
			return EXIT.needsAnswer;
		}
		case "ended": {
			if (isTold) return exitOf(end.records);
			const views = await viewTasks(store, end.records);
			for (const { state } of end.records) if (isEnded(state)) ring(context, state);
			output.result(single ? views[0] : views, inRowsOf(views.map((view) => endLine(view))));
			return exitOf(end.records);
		}
	}
}

function exitOf(records: readonly TaskRecord[]): number {
	// One that waits still does so for one that is parked.
	if (records.some(({ state }) => state === "parked" || state === "waiting")) return EXIT.needsAnswer;
	return records.every(({ state }) => state === "completed") ? EXIT.ok : EXIT.taskFailed;
}

function progressLine(records: readonly TaskRecord[]): string {
	const [only] = records;
	if (records.length === 1 && only !== undefined) {
		const { items } = only.progress.plan;
		const done = items.filter(({ marker }) => marker === "x").length;
		const plan = items.length === 0 ? "" : ` ${done}/${items.length}`;
		return `${only.spec.id}: ${only.state}${plan} ${oneLine(only.progress.activity ?? "")}`;
	}
	const ended = records.filter(({ state }) => isEnded(state)).length;
	const asking = records.filter(({ state }) => state === "asking" || state === "parked").length;
	return `${ended} of ${records.length} ended${asking === 0 ? "" : `, ${asking} ask`}`;
}
