/** What was submitted as a batch, as one thing: looked at, cancelled, started again, waited for. */
import {
	type CountedBatch,
	findBatch,
	isSound,
	listBatches,
	type WholeBatch,
} from "../../actions/batches.ts";
import { viewTasks } from "../../actions/views.ts";
import { withWaits } from "../../actions/waits.ts";
import { dropIfEmpty } from "../../queue/records/batches.ts";
import type { BatchRecord } from "../../task/batch.ts";
import { damagedError, damagedView, wordOf } from "../../task/damaged.ts";
import { parseDuration } from "../../task/duration.ts";
import { ID_FORM } from "../../task/id.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, SKIPPED, type State } from "../../task/states.ts";
import { type Totals, totalsOf, totalsTexts } from "../../task/totals.ts";
import { sinceText } from "../../task/view-times.ts";
import type { Context } from "../context.ts";
import { inTime } from "../options/in-time.ts";
import { timeLeft } from "../options/time-left.ts";
import { wholeNumber } from "../options/values.ts";
import { totalLine } from "../show/batch-lines.ts";
import { type Column, roomOf, table } from "../show/columns.ts";
import { hereOf, refusedHere } from "../show/here.ts";
import { oneLine } from "../show/output.ts";
import { taskColumns, usualColumns } from "../show/task-columns.ts";
import { noReply } from "../show/wait-ends.ts";
import { waitForBatch } from "./batch-wait.ts";
import { cancelMeant } from "./cancel.ts";
import { retryThere } from "./retry.ts";
import { withoutPrompt } from "./status.ts";

const USUAL_LIMIT = 50;
const NAME_CHARS = 60;

/** What a person looks at first. */
const FIRST: readonly State[] = [
	"asking",
	"parked",
	"failed",
	"running",
	"queued",
	"waiting",
	"cancelled",
	"completed",
];

export interface ListFlags {
	limit?: string;
	all?: boolean;
}

export async function listThem(context: Context, flags: ListFlags): Promise<undefined> {
	const { output, env } = context;
	const store = await context.store();
	const { listed, total } = await listBatches(store, limitOf(flags));
	const left = total - listed.length;
	const lines = await table(batchColumns(listed, Date.now()), roomOf(process.stdout, env), output.colors.dim);
	output.result(
		listed.map((each) => batchView(each, store.namespace)),
		total === 0
			? ["No batches."]
			: [...lines, ...(left > 0 ? [`${total - left} of ${total} batches. All of them: add --all`] : [])],
		listed.map(({ batch }) => batch.id),
	);
}

function limitOf({ limit, all }: ListFlags): number | null {
	if (all) return null;
	return limit === undefined ? USUAL_LIMIT : wholeNumber(limit, "--limit", 1, 1_000_000);
}

function batchColumns(listed: readonly CountedBatch[], now: number): Column[] {
	const sound = (cell: (batch: BatchRecord) => string) =>
		listed.map(({ batch }) => (isSound(batch) ? oneLine(cell(batch), NAME_CHARS) : ""));
	return [
		{
			heading: "BATCH",
			cells: listed.map(({ batch }) => shownId(batch)),
			least: 12,
			wish: 24,
		},
		{ heading: "AGE", cells: sound(({ createdAt }) => sinceText(createdAt, now)), goes: 4 },
		{ heading: "OWNER", cells: sound(({ createdBy }) => createdBy), least: 8, goes: 5 },
		{ heading: "NAME", cells: sound(({ name }) => name ?? ""), least: 8, goes: 6 },
		{
			heading: "TASKS",
			cells: listed.map((each) =>
				isSound(each.batch) ? countsText(each) : `damaged: ${oneLine(each.batch.damage, NAME_CHARS)}`,
			),
			least: 14,
			wish: 20,
		},
	];
}

/** What has not the form of an id comes from Redis alone: it stands in quotes, as a damaged task's does. */
function shownId({ id }: { id: string }): string {
	return ID_FORM.test(id) ? id : JSON.stringify(oneLine(id, NAME_CHARS));
}

function countsText({ counts, skipped, damaged }: CountedBatch): string {
	return (
		[...totalsTexts(counts, skipped), ...(damaged === 0 ? [] : [`${damaged} damaged`])].join(", ") || "none"
	);
}

/** As `--json` shows it. */
function batchView({ batch, counts, skipped, damaged }: CountedBatch, namespace: string) {
	const about = { schema: 1 as const, namespace, id: batch.id, counts, skipped, damagedTasks: damaged };
	if (!isSound(batch)) return { ...about, damage: batch.damage };
	const { id: _id, nonce: _nonce, createdAt, ...rest } = batch;
	return { ...about, ...rest, createdAt: new Date(createdAt).toISOString() };
}

function countedOf({ batch, records, damaged }: WholeBatch): CountedBatch & { counts: Totals } {
	const skipped = records.filter(({ reason }) => reason === SKIPPED).length;
	return { batch, counts: totalsOf(records.map(({ state }) => state)), skipped, damaged: damaged.length };
}

export async function showOne(context: Context, given: string, flags: ListFlags): Promise<undefined> {
	const { output, env } = context;
	const store = await context.store();
	const whole = await findBatch(store, given);
	const { batch, damaged } = whole;
	const url = await context.redisUrl();
	const limit = limitOf(flags);
	// Scripts get all of them, in the order of the file.
	const meant = output.json ? whole.records : firstOf(whole.records, limit);
	const views = await withWaits(store, await viewTasks(store, meant), () => hereOf(context, url), {
		refused: refusedHere(context, meant),
	});
	const columns = output.json
		? []
		: taskColumns(usualColumns(views), { views, damaged, now: Date.now() }, output.colors);
	const left = whole.records.length - meant.length;
	output.result(
		{
			...batchView(countedOf(whole), store.namespace),
			tasks: [...views.map(withoutPrompt), ...damaged.map((each) => damagedView(each, store.namespace))],
		},
		[
			...headLines(whole, output.colors.bold(shownId(batch))),
			"",
			...(await table(columns, roomOf(process.stdout, env), output.colors.dim)),
			...(left > 0 ? [`${meant.length} of ${whole.records.length} tasks. All of them: add --all`] : []),
			...nextLines(whole),
		],
		whole.records.map(({ spec }) => spec.id),
	);
}

function firstOf(records: readonly TaskRecord[], limit: number | null): TaskRecord[] {
	if (limit === null || records.length <= limit) return [...records];
	return FIRST.flatMap((state) => records.filter((record) => record.state === state)).slice(0, limit);
}

function headLines({ batch, records, damaged }: WholeBatch, id: string): string[] {
	const now = Date.now();
	const totals = records.length === 0 ? [] : [totalLine(records, now)];
	const broken = damaged.length === 0 ? [] : [`${damaged.length} damaged`];
	const states = [...totals, ...broken].join("; ");
	if (!isSound(batch)) {
		const isEmpty = records.length + damaged.length === 0;
		const next = isEmpty
			? `no task is of it. Take it away with: dispatch batch cancel ${shownWord(batch.id)}`
			: "goes with its last task.";
		return [`${id}: its record is damaged (${oneLine(batch.damage)}), and ${next}`, states];
	}
	const { name, createdBy, createdAt, file, size, budgetUsd, spentUsd } = batch;
	const named = name === null ? "" : ` (${oneLine(name, NAME_CHARS)})`;
	const spent = budgetUsd === null ? "" : `; $${(spentUsd ?? 0).toFixed(2)} of $${budgetUsd} spent`;
	const gone = size - records.length - damaged.length;
	return [
		`${id}${named}: ${countOf(size)} from ${oneLine(file)}, by ${oneLine(createdBy)} ${sinceText(createdAt, now)} ago`,
		`${states}${gone > 0 ? `; ${gone} removed since` : ""}${spent}`,
	];
}

function nextLines({ batch, records }: WholeBatch): string[] {
	// A line to be copied: nothing else stands in it.
	if (!ID_FORM.test(batch.id)) return [];
	if (records.some(({ state }) => state === "failed"))
		return ["", `What failed starts again with: dispatch batch retry ${batch.id} --failed`];
	if (records.some(({ state }) => !isEnded(state)))
		return ["", `Wait for all with: dispatch batch wait ${batch.id}`];
	return [];
}

/** To be copied into a shell: one word there, and nothing to a terminal. */
function shownWord(id: string): string {
	return oneLine(wordOf(id));
}

function countOf(tasks: number): string {
	return tasks === 1 ? "1 task" : `${tasks} tasks`;
}

export async function cancelOne(context: Context, given: string): Promise<number | undefined> {
	const { output } = context;
	const { batch, records, damaged } = await findBatch(await context.store(), given);
	const open = records.filter(({ state }) => !isEnded(state));
	if (records.length + damaged.length === 0) {
		await dropIfEmpty(await context.store(), batch.id);
		output.result([], [`No task is of \`${shownId(batch)}\` any more: it was taken away.`], []);
		return undefined;
	}
	if (open.length + damaged.length === 0) {
		output.result([], [`Nothing to cancel: all tasks of \`${shownId(batch)}\` have ended.`], []);
		return undefined;
	}
	// Those that wait for others before these: who is cancelled is skipped no more.
	const meant = { records: open.reverse(), damaged: damaged.map(({ id }) => id) };
	return cancelMeant(context, meant);
}

export interface RetryOneFlags {
	failed?: boolean;
	fresh?: boolean;
}

export async function retryOne(
	context: Context,
	given: string,
	flags: RetryOneFlags,
): Promise<number | undefined> {
	const { output } = context;
	const { batch, records } = await findBatch(await context.store(), given);
	const meant = records.filter(
		({ state }) => state === "failed" || (state === "cancelled" && flags.failed !== true),
	);
	if (meant.length === 0) {
		output.result([], [`Nothing to start again: no task of \`${shownId(batch)}\` has failed.`], []);
		return undefined;
	}
	return retryThere(context, { given: meant, left: [], isList: true }, flags);
}

export interface WaitOneFlags {
	timeout?: string | undefined;
}

export async function waitForOne(
	context: Context,
	given: string,
	{ timeout }: WaitOneFlags,
): Promise<number | undefined> {
	const begun = Date.now();
	const timeoutMs = timeout === undefined ? null : parseDuration(timeout, "--timeout");
	const { records, damaged } = await inTime(timeLeft(timeoutMs)(), noReply, async () =>
		findBatch(await context.store("service"), given),
	);
	const ids = [...records.map(({ spec }) => spec.id), ...damaged.map(({ id }) => id)];
	if (!context.output.json) for (const task of damaged) context.output.note(damagedError(task).inFull);
	return waitForBatch(context, ids, { batch: given, timeoutMs, since: begun });
}
