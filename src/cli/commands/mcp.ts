/** `dispatch mcp`: each tool does what the command of that name does, and gives what its `--json` prints. */
import { resolve } from "node:path";
import { type AnswerRequest, answerTask, questionOf } from "../../actions/answer.ts";
import { afterCancel, cancelTasks, refusedOrAsked } from "../../actions/cancel.ts";
import { findTask, findTasks } from "../../actions/find-task.ts";
import { neededBeside } from "../../actions/held-up.ts";
import { listTasks } from "../../actions/list.ts";
import { noteTask } from "../../actions/note.ts";
import { type Report, reportOf } from "../../actions/report.ts";
import { retryTasks } from "../../actions/retry.ts";
import { cutOff, type Each, isDone, orOutage, theOnly } from "../../actions/several.ts";
import { viewTask, viewTasks } from "../../actions/views.ts";
import { withWaits } from "../../actions/waits.ts";
import { type Actions, type Args, serveMcp } from "../../mcp/server.ts";
import { type FeedEvent, type FeedPosition, startOfFeed, waitForEvent } from "../../queue/records/feed.ts";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { cutText } from "../../task/cut-text.ts";
import { damagedView } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { withoutSecrets } from "../../task/secrets.ts";
import { isEnded, isLive } from "../../task/states.ts";
import { timeLimit } from "../../task/time-limit.ts";
import { VERSION } from "../../task/version.ts";
import type { TaskView } from "../../task/view.ts";
import { ofAccepted } from "../accepted.ts";
import { Context, type Environment } from "../context.ts";
import { mayChange, recognizeCaller } from "../nested.ts";
import { inTime } from "../options/in-time.ts";
import { whoAmI } from "../options/values.ts";
import { hereOf, refusedHere } from "../show/here.ts";
import { Output } from "../show/output.ts";
import { viewsOfEach } from "../show/several.ts";
import { awayText, noReply } from "../show/wait-ends.ts";
import { ownHome, workerTrouble } from "../worker-up.ts";
import { emptyRequest, submitTask, templateOf } from "./enqueue.ts";

const USUAL_WAIT_S = 50;
const USUAL_LIST = 50;
/** Of those that wait, by a `wait` for any task. */
const WAITING_SHOWN = 10;
/** A Redis that answers takes less. */
const LAST_LOOK_MS = 2_000;
/** SIGTERM, grace and SIGKILL take less. */
const CANCEL_LIMIT_MS = 20_000;
/** What a model takes in at once; see src/mcp/bounded.ts. */
const REPORT_PART_CHARS = 15_000;

export interface McpInput {
	env: Environment;
	/** `--redis` */
	redis: string | undefined;
	/** `--allow-nested` */
	allowNested: boolean;
}

export async function mcp(input: McpInput): Promise<undefined> {
	await serveMcp(new Session(input).actions(), VERSION);
}

class Session {
	readonly #input: McpInput;
	/** what this host was told; null before its first call */
	#position: FeedPosition | null = null;

	constructor(input: McpInput) {
		this.#input = input;
	}

	actions(): Actions {
		return {
			enqueue: (args) => this.#change((store, context) => enqueueTask(store, context, args), "open"),
			list: ({ states, limit }) =>
				this.#look(async (store, context) => {
					const { records, damaged } = await listTasks(store, { states }, limit ?? USUAL_LIST);
					const broken = damaged.map((each) => damagedView(each, store.namespace));
					return [...(await waitingViews(store, context, records)).map(briefOf), ...broken];
				}),
			status: ({ id }) =>
				this.#look(async (store, context) => {
					const [view] = await waitingViews(store, context, [await findTask(store, id)]);
					return view;
				}),
			questions: () =>
				this.#look(async (store) =>
					(await store.openQuestions()).map((each) => ({
						...each,
						askedAt: new Date(each.askedAt).toISOString(),
					})),
				),
			answer: ({ id, text, seq, question, askedAt }) =>
				this.#change(async (store, context) => {
					const record = await findTask(store, id);
					const meant = await asShown(store, record, { seq: seq ?? null, question, askedAt });
					const done = await answerTask(store, record, { text, by: whoAmI(), ...meant });
					if (done.host === context.home.hostId) await workerFor(context, "The answer was sent");
					const { host: _host, option: _option, noSuchOption: _no, ...value } = done;
					return value;
				}),
			note: ({ id, text }) => this.#change((store) => noteTask(store, id, { text, by: whoAmI() })),
			wait: (args, signal) => {
				const timeoutMs = (args.timeoutSeconds ?? USUAL_WAIT_S) * 1_000;
				const until = performance.now() + timeoutMs;
				return this.#look(
					(store, context) => this.#wait(store, context, { ...args, until }, signal),
					timeoutMs,
				);
			},
			cancel: (args) => this.#change((store, context) => cancelEach(store, context, args)),
			retry: (args) => this.#change((store, context) => retryEach(store, context, args), "open"),
			output: ({ id, offset = 0 }) =>
				this.#look(async (store, { home }) => partOf(await reportOf(store, id, home.hostId), offset)),
		};
	}

	/**
	 * The config is read anew at every call, and one that does not load keeps nobody from looking; stdout belongs to the protocol.
	 * @param connectMs what a connection may take; null: what Redis takes to read its data
	 * @throws DISPATCH_TIMED_OUT
	 */
	async #look<T>(
		work: (store: Store, context: Context) => Promise<T>,
		connectMs: number | null = null,
		open: "open" | "openAnyway" = "openAnyway",
	): Promise<T> {
		const { env, redis } = this.#input;
		const output = new Output({ json: false, quiet: true, env });
		const context = await Context[open]({ env, redis, output });
		try {
			const store = await inTime(connectMs, noReply, async () => {
				const connected = await context.store();
				// Before the first task is made: its end must not be missed.
				this.#position ??= await startOfFeed(connected);
				return connected;
			});
			return await work(store, context);
		} finally {
			await context.close();
		}
	}

	/** @param open what is started goes by a config that loads. @throws DISPATCH_NESTED where the host agent is one of dispatch */
	async #change<T>(
		work: (store: Store, context: Context) => Promise<T>,
		open: "open" | "openAnyway" = "openAnyway",
	): Promise<T> {
		recognizeCaller(this.#input.env);
		await mayChange(this.#input.env, this.#input.allowNested);
		return this.#look(work, null, open);
	}

	/** @param args `until`: as `performance.now()` counts */
	async #wait(
		store: Store,
		context: Context,
		args: Args<"wait"> & { until: number },
		signal: AbortSignal,
	): Promise<object> {
		const leftMs = () => Math.max(0, args.until - performance.now());
		const { records, start, service } = await inTime(leftMs(), noReply, async () => ({
			records: await findTasks(store, args.ids ?? []),
			start: await startOfFeed(store),
			service: await context.store("service"),
		}));
		const ids = records.length === 0 ? null : new Set(records.map(({ spec }) => spec.id));
		const over = records.length > 0 && records.every(({ state }) => isEnded(state));
		const timeoutMs = over ? 0 : leftMs();
		const kept: { before: FeedPosition | null; after: FeedPosition | null } = { before: null, after: null };
		// A host that gave the call up was not told: then nothing is kept.
		const needed = new Set<string>();
		const lookAtNeeds = async () => {
			if (ids === null) return;
			const beside = await neededBeside(service, (await service.read([...ids])).records);
			needed.clear();
			for (const { spec } of beside.records) needed.add(spec.id);
		};
		await inTime(leftMs(), noReply, lookAtNeeds, { waitsOut: true });
		const { event, awaySince } = await waitForEvent(service, () => this.#position ?? start, {
			ids,
			needed,
			questions: true,
			onLook: lookAtNeeds,
			timeoutMs,
			signal,
			keep: (position) => {
				Object.assign(kept, { before: this.#position, after: position });
				this.#position = position;
			},
		});
		if (event === null) {
			const tasks = await nowOf(service, context, ids);
			const away = awaySince === null ? null : `${awayText(awaySince)}: nothing is known since then.`;
			const message = away ?? (over ? "All of them have ended." : "Nothing new yet.");
			return { event: null, message, tasks };
		}
		const task = await lastLook(async () => viewTask(service, await service.need(event.task)));
		if (task !== "aborted") return { event: shownEvent(event, task), task };
		// It could not be told: the next call does, unless another one has gone on meanwhile.
		if (this.#position === kept.after) this.#position = kept.before;
		return { event: null, message: "Redis does not answer.", tasks: [] };
	}
}

interface Meant {
	seq: number | null;
	question: string | undefined;
	askedAt: string | undefined;
}

/** The open question, where it is the one that the user saw. @throws DISPATCH_STALE */
async function asShown(
	store: Store,
	record: TaskRecord,
	{ seq, question, askedAt }: Meant,
): Promise<Pick<AnswerRequest, "seq" | "shown">> {
	const open = await questionOf(store, record, seq);
	// Nothing is open: who was faster is said as ever.
	if (open === null || (question === undefined && askedAt === undefined)) return { seq };
	const isIt =
		(question === undefined || isShownAs(open.text, question, askedAt !== undefined)) &&
		(askedAt === undefined || Date.parse(askedAt) === open.askedAt);
	if (isIt) return { seq: Number(open.seq), shown: open };
	throw new DispatchError(
		"DISPATCH_STALE",
		`\`${record.spec.id}\` asks something else by now: your answer was not sent.`,
		{ hint: "Read it with `questions`, and give its `askedAt` as well." },
	);
}

/**
 * Hosts get a text without its secrets and, where it is long, cut with a remark; a model keeps no blanks.
 * @param isDated the time of asking is compared as well: of a cut text the rest was not seen, and an agent may write the
 * remark itself
 */
function isShownAs(text: string, shown: string, isDated: boolean): boolean {
	const words = (some: string) => withoutSecrets(some).replace(/\s+/g, " ").trim();
	if (words(text) === words(shown)) return true;
	const begun = shown.replace(/…? \(cut here, \d+ characters in all\)$/, "");
	return isDated && begun !== shown && words(text).startsWith(words(begun));
}

/**
 * The tasks as they are; none while Redis is away: the time of the call is over.
 * @param ids null: of all tasks those that wait for their start, in brief
 */
async function nowOf(store: Store, context: Context, ids: ReadonlySet<string> | null): Promise<unknown[]> {
	const views = await lastLook(async () => {
		if (ids !== null) {
			const { records, damaged } = await store.read([...ids]);
			const broken = damaged.map((each) => damagedView(each, store.namespace));
			return [...(await waitingViews(store, context, records)), ...broken];
		}
		const { records } = await listTasks(store, { states: ["queued", "waiting"] }, WAITING_SHOWN);
		return (await waitingViews(store, context, records)).map(briefOf);
	});
	return views === "aborted" ? [] : views;
}

/** With why each of them waits. */
async function waitingViews(
	store: Store,
	context: Context,
	records: readonly TaskRecord[],
): Promise<TaskView[]> {
	const url = await context.redisUrl();
	return withWaits(store, await viewTasks(store, records), () => hereOf(context, url), {
		refused: refusedHere(context, records),
	});
}

/** The time of the call is over: Redis is waited for no longer than it takes to answer. */
async function lastLook<T>(look: () => Promise<T>): Promise<T | "aborted"> {
	const limit = timeLimit(LAST_LOOK_MS);
	try {
		return await untilTaken(look, limit.signal);
	} finally {
		limit.release();
	}
}

async function enqueueTask(store: Store, context: Context, args: Args<"enqueue">): Promise<TaskView> {
	await ownHome(context);
	const { prompt, items, template: name, variables, context: files, verify } = args;
	if (verify !== undefined && !context.config.allow.includes("mcp_verify")) {
		throw new DispatchError(
			"DISPATCH_USAGE",
			"`verify` runs a shell command: the config does not allow it here.",
			{
				hint: "Leave it out, or let the user put `allow: [mcp_verify]` into the config.",
			},
		);
	}
	if (variables !== undefined && name === undefined)
		throw new DispatchError("DISPATCH_USAGE", "Expected `template` beside `variables`, got none.");
	const cwd = args.cwd ?? process.cwd();
	const template = name === undefined ? null : await templateOf(context, cwd, name, variables ?? {});
	const { record } = await submitTask(context, store, {
		...emptyRequest(prompt, cwd),
		id: args.id ?? null,
		model: args.model ?? null,
		items: items ?? [],
		promptAddition: template?.addition ?? null,
		planText: items === undefined ? (template?.plan ?? null) : null,
		after: args.after ?? [],
		contextFiles: (files ?? []).map((path) => resolve(path)),
		budgetUsd: args.budgetUsd ?? null,
		verify: verify ?? null,
		key: args.key ?? null,
	});
	await workerFor(context, `The task \`${record.spec.id}\` was submitted`);
	return ofAccepted(store, [record.spec.id], (each) => viewTask(each, record));
}

async function cancelEach(store: Store, context: Context, args: Args<"cancel">): Promise<unknown[]> {
	const each = refusedOrAsked(await cancelTasks(store, meantIds(args), { by: whoAmI() }));
	if (args.ids === undefined) theOnly(each);
	const asked = each.filter(isDone).map(({ done }) => done);
	if (cutOff(each).length > 0) return viewsOfEach(store, each);
	if (asked.some(({ host }) => host === context.home.hostId))
		await workerFor(context, namesOf(each, "asked to end"));
	const tasks = asked.map(({ task }) => task);
	await orOutage(afterCancel(store, tasks, CANCEL_LIMIT_MS));
	return viewsOfEach(store, each);
}

async function retryEach(store: Store, context: Context, args: Args<"retry">): Promise<unknown> {
	const request = { fresh: args.fresh ?? false, model: args.model ?? null, sign: false };
	const each = (await retryTasks(store, await context.place(), meantIds(args), request)) ?? [];
	if (args.ids === undefined) theOnly(each);
	const hosts = each.filter(isDone).map(({ done }) => done.host);
	if (cutOff(each).length === 0 && hosts.includes(context.home.hostId))
		await workerFor(context, namesOf(each, "queued again"));
	const views = await viewsOfEach(store, each);
	return args.ids === undefined ? views[0] : views;
}

/** @throws as `ensureWorker`, with what was done all the same */
async function workerFor(context: Context, done: string): Promise<void> {
	const trouble = await workerTrouble(context);
	if (trouble === null) return;
	const { code, message, hint } = trouble;
	throw new DispatchError(
		code,
		`${done}, but no worker runs: ${message}`,
		hint === undefined ? {} : { hint },
	);
}

function namesOf(each: readonly Each<unknown>[], participle: string): string {
	return `${each
		.filter(isDone)
		.map(({ task }) => `\`${task}\``)
		.join(", ")}: ${participle}`;
}

/** @throws DISPATCH_USAGE */
function meantIds({ id, ids }: { id?: string | undefined; ids?: string[] | undefined }): string[] {
	if (id !== undefined && ids === undefined) return [id];
	if (ids !== undefined && id === undefined) return ids;
	throw new DispatchError("DISPATCH_USAGE", "Expected `id` or `ids`.", { hint: "One of them, not both." });
}

function shownEvent(event: FeedEvent, task: TaskView): object {
	const at = new Date(event.at).toISOString();
	if (event.kind === "ended")
		return { kind: event.state, task: event.task, at, message: task.outcome?.message ?? null };
	const question = task.questions.find(({ seq, open }) => seq === event.seq && open);
	return { kind: "asked", task: event.task, at, seq: event.seq, question: question?.text ?? null };
}

/** A list is for an overview: `status` has the rest. */
function briefOf(view: TaskView): object {
	const { id, state, reason, hold, waits, model, activity, createdAt, endedAt, reportPath, plan, outcome } =
		view;
	const open = view.questions.filter(({ open }) => open);
	return {
		id,
		state,
		reason,
		hold,
		waits: waits?.text ?? null,
		model,
		plan: `${plan.done}/${plan.total}`,
		activity: isLive(state) ? activity : null,
		questions: open.map(({ seq, text }) => ({ seq, text })),
		message: isEnded(state) ? (outcome?.message ?? null) : null,
		createdAt,
		endedAt,
		reportPath,
	};
}

function partOf({ task, report }: Report, offset: number): object {
	const part = cutText(report.slice(offset), REPORT_PART_CHARS, "");
	const end = offset + part.length;
	return { task, report: part, totalChars: report.length, nextOffset: end < report.length ? end : null };
}
