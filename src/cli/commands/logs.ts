import { setTimeout as sleep } from "node:timers/promises";
import { findTask } from "../../actions/find-task.ts";
import type { Store } from "../../queue/records/store.ts";
import { orAborted, untilTaken } from "../../queue/redis/or-aborted.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, type State } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";
import { lineSource } from "../show/agent-lines.ts";
import { type LogSource, type LogsFlags, woven } from "../show/log-source.ts";
import { agentTextOf } from "../show/own-lines.ts";
import { QuestionTeller } from "../show/question-teller.ts";
import { readerGone } from "../show/reader-gone.ts";
import { RetryTeller } from "../show/retry-teller.ts";

/** While something comes; then less and less often: a screen that stays open costs next to nothing. */
const LOOK_MS = 250;
const QUIET_LOOK_MS = 1_000;
const MOST_LINES = 1_000_000;

export async function logs(context: Context, given: string, flags: LogsFlags): Promise<number | undefined> {
	if (flags.raw && flags.events)
		throw new DispatchError("DISPATCH_USAGE", "Expected --raw or --events, got both.");
	const range = rangeOf(flags);
	const attempt = attemptOf(flags);
	const store = await context.store(flags.follow ? "service" : "command");
	const record = await findTask(store, given);
	const { spec } = record;
	if (attempt !== null) checkStart(record, attempt);
	if (flags.raw) return (await import("../show/raw-log.ts")).printRawLog(context, record, flags, attempt);
	if (flags.events) {
		const { eventSource } = await import("../show/event-lines.ts");
		await show(context, store, spec.id, eventSource(store, spec.id), range);
	} else
		await show(
			context,
			store,
			spec.id,
			lineSource(store, spec.id, context.output.colors, attempt),
			range,
			() => context.output.note(nothingPrinted(record, attempt)),
		);
	return undefined;
}

/** @throws DISPATCH_USAGE */
function attemptOf({ attempt, follow, events }: LogsFlags): number | null {
	if (attempt === undefined) return null;
	if (follow || events)
		throw new DispatchError(
			"DISPATCH_USAGE",
			`--attempt does not go with --${follow ? "follow" : "events"}.`,
			{ hint: "Leave one of them out: --attempt shows what one start printed." },
		);
	return wholeNumber(attempt, "--attempt", 1, 1_000_000);
}

/** @throws DISPATCH_USAGE */
function checkStart({ spec, epoch }: TaskRecord, attempt: number): void {
	if (attempt <= epoch) return;
	const starts =
		epoch === 0 ? "has not started yet" : epoch === 1 ? "was started once" : `was started ${epoch} times`;
	throw new DispatchError("DISPATCH_USAGE", `\`${spec.id}\` ${starts}: there is no --attempt ${attempt}.`, {
		hint: `All that it printed: dispatch logs ${spec.id}`,
	});
}

/** Why there is nothing to read stands elsewhere. */
function nothingPrinted({ spec: { id }, state, epoch }: TaskRecord, attempt: number | null): string {
	const task = `\`${id}\``;
	const of = attempt === null ? `The agent of ${task}` : `Start ${attempt} of ${task}`;
	if (isOver(state) && epoch === 0)
		return `${task} was never started. What became of it: dispatch status ${id}`;
	if (isOver(state)) return `${of} printed nothing. What became of it: dispatch status ${id}`;
	if (epoch === 0) return `${task} has not started yet. Why it waits: dispatch status ${id}`;
	return `${of} has printed nothing yet. Follow it: dispatch logs ${id} -f`;
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
	onNothing: () => void = () => {},
): Promise<void> {
	// With -n 0, -f begins at the end.
	const last = await source.last(Math.max(1, wanted));
	const shown = wanted === 0 ? [] : last.filter((line) => (source.at(line) ?? since) >= since);
	if (last.length === 0 && !follows) onNothing();
	const tellers = follows && source.tellsQuestions ? tellersOf(context, store) : null;
	await tellers?.questions.passAnswered([await store.need(id)]);
	const moments = wanted === 0 || context.output.json ? [] : ((await source.moments?.(follows)) ?? []);
	// With -n, what was asked before the first line is left out as the lines before it are.
	const from = last.length === wanted ? (source.at(last[0] as Line) ?? since) : since;
	const texts = woven(
		source,
		shown,
		moments.filter(({ at }) => at >= from),
	);
	if (!follows)
		return context.output.result(
			shown.map((line) => source.json(line)),
			texts,
		);
	if (context.output.json) for (const line of shown) print(context, source, line);
	else for (const text of texts) context.output.write(text);
	const limit = timeLimit(null, readerGone);
	await follow(context, store, id, source, { from: last.at(-1) ?? null, limit: limit.signal, tellers });
	limit.release();
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
		const source = lineSource(store, id, context.output.colors);
		const text = (line: Parameters<typeof source.text>[0]) => agentTextOf(id, source.text(line));
		await follow(
			context,
			store,
			id,
			{ ...source, text },
			{
				from: null,
				limit: limit.signal,
				tellers: tellersOf(context, store),
			},
		);
	} finally {
		limit.release();
	}
}

interface Following<Line> {
	from: Line | null;
	/** ends it, also while Redis is away */
	limit: AbortSignal;
	tellers: Tellers | null;
}

/** What is told between the lines of an agent. */
interface Tellers {
	questions: QuestionTeller;
	retries: RetryTeller;
}

function tellersOf(context: Context, store: Store): Tellers {
	const options = { amongAgents: true };
	return {
		questions: new QuestionTeller(context, store, options),
		retries: new RetryTeller(context, options),
	};
}

async function follow<Line>(
	context: Context,
	store: Store,
	id: string,
	source: LogSource<Line>,
	{ from, limit, tellers }: Following<Line>,
): Promise<void> {
	let position = from;
	const look = async (): Promise<"over" | "more" | "quiet"> => {
		// The state first: what was printed before the end is there once the end is seen.
		const state = await store.stateOf(id);
		const lines = await source.after(position);
		for (const line of lines) {
			print(context, source, line, position);
			position = line;
		}
		if (lines.length > 0) return "more";
		if (tellers !== null) {
			const record = await store.need(id);
			tellers.retries.tell([record]);
			await tellers.questions.tell([record]);
		}
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

function print<Line>(
	{ output }: Context,
	source: LogSource<Line>,
	line: Line,
	before: Line | null = null,
): void {
	const mark = output.json ? null : (source.mark?.(before, line) ?? null);
	if (mark !== null) output.write(mark);
	if (output.json) output.document(source.json(line));
	else output.write(source.text(line));
}
