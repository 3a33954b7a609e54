/** An agent's lines as they come, until its task has ended. */
import { setTimeout as sleep } from "node:timers/promises";
import { neededBeside } from "../../actions/held-up.ts";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { isEnded, type State } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { Context } from "../context.ts";
import { lineSource } from "./agent-lines.ts";
import type { LogSource } from "./log-source.ts";
import { NeededTeller } from "./needed-teller.ts";
import { agentTextOf } from "./own-lines.ts";
import { QuestionTeller } from "./question-teller.ts";
import { readerGone } from "./reader-gone.ts";
import { RetryTeller } from "./retry-teller.ts";
import { StallTeller } from "./stall-teller.ts";

/** While something comes; then less and less often: a screen that stays open costs next to nothing. */
const LOOK_MS = 250;
const QUIET_LOOK_MS = 1_000;

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
		const store = await untilTaken(() => context.store("service"), limit.signal);
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
	needed: NeededTeller;
	stalls: StallTeller;
}

/** For one screen. */
export function tellersOf(context: Context, store: Store): Tellers {
	const options = { amongAgents: true };
	return {
		questions: new QuestionTeller(context, store, options),
		retries: new RetryTeller(context, options),
		needed: new NeededTeller(context, store),
		stalls: new StallTeller(context, store),
	};
}

/** Prints what comes behind `from`, until the task has ended, or waits for an answer without an agent. */
export async function follow<Line>(
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
		// An answer was given before the agent said what it makes of it.
		const current = lines.length > 0 && tellers !== null ? await store.get(id) : null;
		const tellUntil = current && (await tellers?.questions.due([current]));
		for (const line of lines) {
			tellUntil?.(source.at(line) ?? 0);
			print(context, source, line, position);
			position = line;
		}
		if (lines.length > 0) return "more";
		if (tellers !== null) {
			const record = await store.need(id);
			tellers.retries.tell([record]);
			await tellers.questions.tell([record]);
			await tellers.needed.tell([record], (await neededBeside(store, [record])).records);
			await tellers.stalls.tell(() => [record]);
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

/** No agent will print more. @param state null: the task is gone */
export function isOver(state: State | null): boolean {
	return state === null || isEnded(state) || state === "parked";
}

/** @param before the line that was printed before it */
export function print<Line>(
	{ output }: Context,
	source: LogSource<Line>,
	line: Line,
	before: Line | null = null,
): void {
	const mark = output.json ? null : (source.mark?.(before, line) ?? null);
	if (mark !== null) output.write(mark);
	if (output.json) output.document(source.json(line));
	else output.text(source.text(line));
}
