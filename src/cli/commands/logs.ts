import { findTask } from "../../actions/find-task.ts";
import type { Store } from "../../queue/records/store.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { timeLimit } from "../../task/time-limit.ts";
import { troubleOf } from "../../task/view-why.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";
import { lineSource } from "../show/agent-lines.ts";
import { follow, isOver, print, tellersOf } from "../show/follow-log.ts";
import { type LogSource, type LogsFlags, type Moment, woven } from "../show/log-source.ts";
import { readerGone } from "../show/reader-gone.ts";
import { PRINTED_BY } from "../show/report-lines.ts";

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
	} else {
		const source = lineSource(store, spec.id, context.output.colors, attempt);
		const beside = await besideOf(context, record, attempt);
		const moments = async (follows: boolean) =>
			[...((await source.moments?.(follows)) ?? []), ...beside].sort((a, b) => a.at - b.at);
		await show(context, store, spec.id, { ...source, moments }, range, () => {
			if (beside.length === 0 || context.output.json) context.output.note(nothingPrinted(record, attempt));
		});
		// Else the last line reads as if the agent were at work.
		const waits = flags.follow ? null : troubleOf(record, Date.now());
		if (waits !== null) context.output.note(waits.text);
	}
	return undefined;
}

/** What its `--setup` and its `--verify` printed. */
async function besideOf(context: Context, record: TaskRecord, attempt: number | null): Promise<Moment[]> {
	const { setup, verify } = record.spec;
	if (setup === null && verify === null) return [];
	return (await import("../show/side-logs.ts")).sideMoments(context, record, attempt);
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
function checkStart({ spec, epoch, startedAt }: TaskRecord, attempt: number): void {
	if (attempt <= epoch && startedAt !== null) return;
	// Not how many: its starts are counted on from those of a removed task of the same id.
	const last = startedAt === null ? "has not started yet" : `is at its start ${epoch}`;
	throw new DispatchError("DISPATCH_USAGE", `\`${spec.id}\` ${last}: there is no --attempt ${attempt}.`, {
		hint: `All that it printed: dispatch logs ${spec.id}`,
	});
}

/** Why there is nothing to read stands elsewhere. */
function nothingPrinted(
	{ spec: { id }, state, startedAt, reason }: TaskRecord,
	attempt: number | null,
): string {
	const task = `\`${id}\``;
	const of = attempt === null ? `The agent of ${task}` : `Start ${attempt} of ${task}`;
	if (isOver(state) && startedAt === null)
		return `${task} was never started. What became of it: dispatch status ${id}`;
	const printer = PRINTED_BY[reason ?? ""];
	if (printer !== undefined && isOver(state))
		return `${of} printed nothing; its ${printer} failed. What that printed last: dispatch status ${id}`;
	if (isOver(state)) return `${of} printed nothing. What became of it: dispatch status ${id}`;
	if (startedAt === null) return `${task} has not started yet. Why it waits: dispatch status ${id}`;
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
