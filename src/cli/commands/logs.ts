import { setTimeout as sleep } from "node:timers/promises";
import { findTask } from "../../actions/find-task.ts";
import { lastLines, linesAfter, type ReadLine } from "../../queue/records/log.ts";
import type { Store } from "../../queue/records/store.ts";
import { orAborted, untilTaken } from "../../queue/redis/or-aborted.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import { isEnded, type State } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";
import type { LogSource, LogsFlags } from "../show/log-source.ts";
import { plain } from "../show/output.ts";
import { QuestionTeller } from "../show/question-teller.ts";
import { readerGone } from "../show/reader-gone.ts";

/** While something comes; then less and less often: a screen that stays open costs next to nothing. */
const LOOK_MS = 250;
const QUIET_LOOK_MS = 1_000;
const PAGE = 1_000;
const MOST_LINES = 1_000_000;

export async function logs(context: Context, given: string, flags: LogsFlags): Promise<number | undefined> {
	if (flags.raw && flags.events)
		throw new DispatchError("DISPATCH_USAGE", "Expected --raw or --events, got both.");
	const range = rangeOf(flags);
	const store = await context.store(flags.follow ? "service" : "command");
	const record = await findTask(store, given);
	const { spec } = record;
	if (flags.raw) return (await import("../show/raw-log.ts")).printRawLog(context, record, flags);
	if (flags.events) {
		const { eventSource } = await import("../show/event-lines.ts");
		await show(context, store, spec.id, eventSource(store, spec.id), range);
	} else await show(context, store, spec.id, lineSource(store, spec.id), range);
	return undefined;
}

interface Range {
	/** how many lines, from the end */
	wanted: number;
	/** ms since the Unix epoch */
	since: number;
	follows: boolean;
}

/** @throws DISPATCH_USAGE */
function rangeOf({ lines, since, follow = false }: LogsFlags): Range {
	return {
		wanted: lines === undefined ? MOST_LINES : wholeNumber(lines, "-n", 0, MOST_LINES),
		since: since === undefined ? 0 : Date.now() - parseDuration(since, "--since"),
		follows: follow,
	};
}

async function show<Line>(
	context: Context,
	store: Store,
	id: string,
	source: LogSource<Line>,
	{ wanted, since, follows }: Range,
): Promise<void> {
	// With -n 0, -f begins at the end.
	const last = await source.last(Math.max(1, wanted));
	const shown = wanted === 0 ? [] : last.filter((line) => (source.at(line) ?? since) >= since);
	if (!follows) {
		context.output.result(
			shown.map((line) => source.json(line)),
			shown.map((line) => source.text(line)),
		);
		return;
	}
	for (const line of shown) print(context, source, line);
	const limit = timeLimit(null, readerGone);
	const questions = source.tellsQuestions ? new QuestionTeller(context, store) : null;
	await questions?.passAnswered([await store.need(id)]);
	await follow(context, store, id, source, { from: last.at(-1) ?? null, limit: limit.signal, questions });
	limit.release();
}

/** @param store of a `logs -f`: role `service`, which waits out an outage */
function lineSource(store: Store, id: string): LogSource<ReadLine> {
	return {
		tellsQuestions: true,
		last: (count) => lastLines(store, id, count),
		after: (from) => linesAfter(store, id, from?.id ?? "0", PAGE),
		at: ({ at }) => at,
		text: ({ text }) => plain(text),
		json: ({ epoch, at, text }) => ({ epoch, at: at === null ? null : new Date(at).toISOString(), text }),
	};
}

/**
 * Prints the agent's lines as they come, and its questions, until the task has ended (or waits for an answer
 * without an agent), or the time is over.
 * @param interrupt ends it at once
 */
export async function followLog(
	context: Context,
	id: string,
	timeoutMs: number | null,
	interrupt: AbortSignal,
): Promise<void> {
	const limit = timeLimit(timeoutMs, readerGone, interrupt);
	try {
		const store = await orAborted(context.store("service"), limit.signal);
		if (store === "aborted") return;
		const questions = new QuestionTeller(context, store);
		await follow(context, store, id, lineSource(store, id), { from: null, limit: limit.signal, questions });
	} finally {
		limit.release();
	}
}

interface Following<Line> {
	from: Line | null;
	/** ends it, also while Redis is away */
	limit: AbortSignal;
	questions: QuestionTeller | null;
}

async function follow<Line>(
	context: Context,
	store: Store,
	id: string,
	source: LogSource<Line>,
	{ from, limit, questions }: Following<Line>,
): Promise<void> {
	let position = from;
	const look = async (): Promise<"over" | "more" | "quiet"> => {
		// The state first: what was printed before the end is there once the end is seen.
		const state = await store.stateOf(id);
		const lines = await source.after(position);
		for (const line of lines) print(context, source, line);
		position = lines.at(-1) ?? position;
		if (lines.length > 0) return "more";
		await questions?.tell([await store.need(id)]);
		return isOver(state) ? "over" : "quiet";
	};
	for (let pauseMs = LOOK_MS; ; ) {
		const found = await untilTaken(look, limit);
		if (found === "over" || limit.aborted) return;
		if (found === "more") pauseMs = LOOK_MS;
		else {
			await sleep(pauseMs, undefined, { signal: limit }).catch(() => {});
			pauseMs = Math.min(pauseMs * 1.5, QUIET_LOOK_MS);
		}
	}
}

function isOver(state: State | null): boolean {
	return state === null || isEnded(state) || state === "parked";
}

function print<Line>({ output }: Context, source: LogSource<Line>, line: Line): void {
	output.write(output.json ? JSON.stringify(source.json(line)) : source.text(line));
}
