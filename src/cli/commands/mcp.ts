/** `dispatch mcp`: each tool does what the command of that name does, and gives what its `--json` prints. */

import { findTask } from "../../actions/find-task.ts";
import { viewTask, viewTasks } from "../../actions/views.ts";
import { type Actions, serveMcp } from "../../mcp/server.ts";
import { type FeedEvent, type FeedPosition, startOfFeed, waitForEvent } from "../../queue/records/feed.ts";
import { cutText } from "../../task/cut-text.ts";
import { isEnded, isLive } from "../../task/states.ts";
import { VERSION } from "../../task/version.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context, Environment } from "../context.ts";
import { literally, runKept } from "../kept-output.ts";
import { answer } from "./answer.ts";
import { cancel } from "./cancel.ts";
import { enqueue } from "./enqueue.ts";
import { ls } from "./ls.ts";
import { note } from "./note.ts";
import { output } from "./output.ts";
import { questions } from "./questions.ts";
import { retry } from "./retry.ts";
import { status } from "./status.ts";

const USUAL_WAIT_S = 50;
/** What a model takes in at once; see src/mcp/bounded.ts. */
const REPORT_PART_CHARS = 15_000;

export interface McpInput {
	env: Environment;
	/** `--redis` */
	redis: string | undefined;
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
			enqueue: ({ prompt, items, variables, budgetUsd, ...flags }) =>
				this.#run((context) =>
					enqueue(context, literally(prompt), {
						...defined(flags),
						...defined({ item: items, var: variables && pairs(variables), budget: budgetUsd?.toString() }),
					}),
				),
			list: async ({ states, limit }) => {
				const flags = defined({ state: states, limit: limit?.toString() });
				return ((await this.#run((context) => ls(context, flags))) as TaskView[]).map(briefOf);
			},
			status: ({ id }) => this.#run((context) => status(context, id)),
			questions: () => this.#run((context) => questions(context)),
			answer: ({ id, text, seq }) =>
				this.#run((context) => answer(context, id, literally(text), defined({ seq: seq?.toString() }))),
			note: ({ id, text }) => this.#run((context) => note(context, id, literally(text))),
			wait: (args, signal) => this.#wait(args, signal),
			cancel: ({ id }) => this.#run((context) => cancel(context, [id])),
			retry: ({ id, ...flags }) => this.#run((context) => retry(context, id, defined(flags))),
			output: async ({ id, offset = 0 }) =>
				partOf((await this.#run((context) => output(context, id))) as Report, offset),
		};
	}

	/** The config is read anew at every call. */
	#run(work: (context: Context) => Promise<unknown>): Promise<unknown> {
		return runKept(this.#input, async (context) => {
			// Before the first task is made: its end must not be missed.
			this.#position ??= await startOfFeed(await context.store());
			return work(context);
		});
	}

	#wait(args: { ids?: string[] | undefined; timeoutSeconds?: number | undefined }, signal: AbortSignal) {
		return this.#run(async (context) => {
			const store = await context.store();
			const records = await Promise.all((args.ids ?? []).map((id) => findTask(store, id)));
			const ids = records.length === 0 ? null : new Set(records.map(({ spec }) => spec.id));
			const over = records.length > 0 && records.every(({ state }) => isEnded(state));
			const timeoutMs = over ? 0 : (args.timeoutSeconds ?? USUAL_WAIT_S) * 1_000;
			const start = await startOfFeed(store);
			// A host that gave the call up was not told: then nothing is kept.
			const { event } = await waitForEvent(await context.store("service"), () => this.#position ?? start, {
				ids,
				questions: true,
				timeoutMs,
				signal,
				keep: (position) => {
					this.#position = position;
				},
			});
			if (event === null) {
				const tasks = await viewTasks(store, await store.getMany([...(ids ?? [])]));
				return { event: null, message: over ? "All of them have ended." : "Nothing new yet.", tasks };
			}
			const task = await viewTask(store, await store.need(event.task));
			return { event: shownEvent(event, task), task };
		});
	}
}

function shownEvent(event: FeedEvent, task: Awaited<ReturnType<typeof viewTask>>): object {
	const at = new Date(event.at).toISOString();
	if (event.kind === "ended")
		return { kind: event.state, task: event.task, at, message: task.outcome?.message ?? null };
	const question = task.questions.find(({ seq, open }) => seq === event.seq && open);
	return { kind: "asked", task: event.task, at, seq: event.seq, question: question?.text ?? null };
}

/** A list is for an overview: `status` has the rest. */
function briefOf(view: TaskView): object {
	const { id, state, reason, hold, model, activity, createdAt, endedAt, reportPath, plan, outcome } = view;
	const open = view.questions.filter(({ open }) => open);
	return {
		id,
		state,
		reason,
		hold,
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

interface Report {
	task: string;
	report: string;
}

function partOf({ task, report }: Report, offset: number): object {
	const part = cutText(report.slice(offset), REPORT_PART_CHARS, "");
	const end = offset + part.length;
	return { task, report: part, totalChars: report.length, nextOffset: end < report.length ? end : null };
}

function pairs(values: Record<string, string>): string[] {
	return Object.entries(values).map(([name, value]) => `${name}=${value}`);
}

/** Without the keys that have no value. */
function defined<T extends object>(flags: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as never;
}
