import { setTimeout as sleep } from "node:timers/promises";
import { findTask } from "../../actions/find-task.ts";
import { viewTask } from "../../actions/views.ts";
import { lastLines, linesAfter, type ReadLine } from "../../queue/records/log.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import { isEnded, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";
import { ring } from "../show/bell.ts";
import type { LogSource, LogsFlags } from "../show/log-source.ts";
import { plain } from "../show/output.ts";
import { answeredLine, questionLine } from "../show/report-lines.ts";

const LOOK_MS = 250;
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
		await show(context, spec.id, eventSource(store, spec.id), range);
	} else await show(context, spec.id, await lineSource(context, spec.id), range);
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
	await follow(context, id, source, last.at(-1) ?? null);
}

async function lineSource(context: Context, id: string): Promise<LogSource<ReadLine>> {
	const store = await context.store();
	return {
		last: (count) => lastLines(store, id, count),
		after: (from) => linesAfter(store, id, from?.id ?? "0", PAGE),
		at: ({ at }) => at,
		text: ({ text }) => plain(text),
		json: ({ epoch, at, text }) => ({ epoch, at: at === null ? null : new Date(at).toISOString(), text }),
	};
}

/**
 * Prints the agent's lines as they come, and its questions, until the task has ended (or waits for an answer
 * without an agent).
 */
export async function followLog(context: Context, id: string): Promise<void> {
	const store = await context.store("service");
	const told = new Set<string>();
	const tellQuestions = async () => {
		const view = await viewTask(store, await store.need(id));
		for (const question of view.questions) {
			const name = `${question.seq} ${question.askedAt}`;
			// Without an answer and not open: nobody waits for one any more.
			if (told.has(name) || (!question.open && question.answer === null)) continue;
			told.add(name);
			// Somebody may have been faster than this look.
			if (question.open) ring(context, "question");
			const line = question.open ? questionLine(view, question.seq) : answeredLine(question);
			context.output.write(context.output.colors.yellow(line));
		}
	};
	await follow(context, id, await lineSource(context, id), null, tellQuestions);
}

async function follow<Line>(
	context: Context,
	id: string,
	source: LogSource<Line>,
	from: Line | null,
	meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
	const store = await context.store("service");
	let position = from;
	for (;;) {
		// The state first: what was printed before the end is there once the end is seen.
		const state = await store.stateOf(id);
		const lines = await source.after(position);
		for (const line of lines) print(context, source, line);
		position = lines.at(-1) ?? position;
		if (lines.length > 0) continue;
		await meanwhile();
		if (isOver(state)) return;
		await sleep(LOOK_MS);
	}
}

function isOver(state: State | null): boolean {
	return state === null || isEnded(state) || state === "parked";
}

function print<Line>({ output }: Context, source: LogSource<Line>, line: Line): void {
	output.write(output.json ? JSON.stringify(source.json(line)) : source.text(line));
}
