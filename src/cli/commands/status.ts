import { findTask } from "../../actions/find-task.ts";
import { type LeftAgent, leftAgents } from "../../actions/left-agents.ts";
import { overviewOf } from "../../actions/overview.ts";
import { refusedOf, type Told, unsignedTexts } from "../../actions/unsigned.ts";
import { viewTask, viewTasks } from "../../actions/views.ts";
import { withWaits } from "../../actions/waits.ts";
import { tasksLeft } from "../../host/left-places.ts";
import {
	type DaemonState,
	daemonState,
	damagedText,
	frozenText,
	hindranceOf,
	type OtherWorker,
	otherWorkers,
	otherWorkerText,
	otherwise,
} from "../../host/process.ts";
import { type Drain, hostWords } from "../../queue/records/hosts.ts";
import { placeOf } from "../../task/address.ts";
import { type DamagedTask, damagedView } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isLive } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { hereOf, refusedHere } from "../show/here.ts";
import { oneLine } from "../show/output.ts";
import { inRows } from "../show/question-lines.ts";
import { reportLines } from "../show/report-lines.ts";
import { summaryLines } from "../show/summary-lines.ts";
import { tellLeft, tellOfWorker } from "../worker-up.ts";

const SHOWN = 10;
const FAILED_SHOWN = 3;

export async function status(context: Context, given: string): Promise<number | undefined> {
	const store = await context.store();
	const record = await findTask(store, given);
	const url = await context.redisUrl();
	const refused = await refusedOrTold(context, [record]);
	const views = [await viewTask(store, record)];
	const [view] = await withWaits(store, views, () => hereOf(context, url), { refused });
	if (view === undefined) return undefined;
	const { output, home } = context;
	if (isLive(record.state)) tellUnsigned(context, refused);
	const own = { host: home.hostId, refused: refused.get(view.id) ?? null };
	output.result(view, reportLines(view, output.colors, Date.now(), own));
	return undefined;
}

/** What runs and what needs you. */
export async function summary(context: Context): Promise<number | undefined> {
	const store = await context.store();
	const { counts, open: records, failed: failedIds, cancelled, damaged } = await overviewOf(store);
	const skipped = (await store.skippedOf(cancelled)).length;
	const url = await context.redisUrl();
	const views = await viewTasks(store, records);
	const failedRecords = await store.getMany(failedIds.slice(0, FAILED_SHOWN));
	const failed = await viewTasks(store, failedRecords);
	const refused = await refusedOrTold(context, records);
	const open = await withWaits(store, views, () => hereOf(context, url), { areAll: true, refused });
	const daemon = daemonState(context.home);
	const wanted = placeOf(url);
	const instead = daemon === null ? null : otherwise(daemon, context.home, url);
	const isHere = daemon !== null && instead === null;
	const worker = isHere ? { pid: daemon.pid, draining: daemon.draining } : null;
	if (daemon !== null && instead !== null)
		context.output.note(
			`The worker here (pid ${daemon.pid}) ${instead}: nothing of this host starts. \`dispatch up --restart\` mends it.`,
		);
	if (daemon?.configFault)
		context.output.note(`The worker goes by the config as it was before: ${daemon.configFault}`);
	if (isHere && daemon.redisFault !== null) context.output.note(hindranceOf(daemon) ?? "");
	if (worker !== null) await tellOfWorker(context);
	await tellLeft(context);
	tellUnsigned(context, refused);
	const questions = (await store.openQuestions()).map((question) => ({
		...question,
		askedAt: new Date(question.askedAt).toISOString(),
	}));
	const [own] = worker === null ? [] : await hostWords(store, [context.home.hostId]);
	const left = await seen(
		context,
		() => leftAgents(store, context.home.path, tasksLeft(context.home.base, wanted)),
		[],
	);
	const others = otherWorkers(context.home);
	const value = {
		namespace: store.namespace,
		host: context.home.hostId,
		worker,
		otherWorkers: others,
		counts,
		skipped,
		questions,
		open: open.map(withoutPrompt),
		damaged: damaged.map((each) => damagedView(each, store.namespace)),
		leftAgents: left,
	};
	const lines = [
		...summaryLines(
			{
				open,
				failed,
				refused: refusedHere(context, failedRecords),
				own: context.home.hostId,
				counts,
				skipped,
				worker:
					(daemon === null ? damagedText(context.home) : null) ??
					workerLine(daemon, worker, own?.drain ?? null, context.home.hostId),
				isDamaged: damaged.length > 0,
				now: Date.now(),
			},
			context.output.colors,
		),
		...damagedLines(damaged),
		...leftLines(left),
		...otherLines(others),
	];
	context.output.result(value, inRows(lines));
	return undefined;
}

/** Those that this host will not start; that it cannot be known is told. */
function refusedOrTold(context: Context, records: readonly TaskRecord[]): Promise<Map<string, Told>> {
	const { home } = context;
	return seen(context, async () => refusedOf(records, home, home.namespace), new Map());
}

/** Their wait for a free place ends in a refusal. */
function tellUnsigned({ output }: Context, refused: ReadonlyMap<string, Told>): void {
	for (const { text, fix } of unsignedTexts(refused)) output.note(`${text} ${fix}.`);
}

/** A look that fails is told, and keeps nobody from seeing the tasks. */
async function seen<T>(context: Context, look: () => Promise<T>, otherwise: T): Promise<T> {
	try {
		return await look();
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		context.output.note(error.inFull);
		return otherwise;
	}
}

/** As lists show it. */
export function withoutPrompt(view: TaskView): Omit<TaskView, "prompt"> {
	const { prompt: _prompt, ...rest } = view;
	return rest;
}

/** @param worker the daemon, where it serves this host and address */
function workerLine(
	daemon: DaemonState | null,
	worker: { draining: boolean } | null,
	drain: Drain | null,
	host: string,
): string {
	if (daemon === null) return "No worker runs on this host: `dispatch up` starts it.";
	if (worker === null) return "The worker of this state directory is not this host's.";
	if (daemon.frozen) return `${frozenText(daemon.pid)}.`;
	if (daemon.redisFault !== null) return "The worker is up, but Redis refuses it.";
	if (!worker.draining && drain !== null)
		return `This host is drained (by ${oneLine(drain.by, 60)}): it starts nothing new. \`dispatch hosts resume ${host}\` ends that.`;
	if (!worker.draining) return "The worker is up.";
	return "The worker drains: it starts nothing more. `dispatch up` starts a new one; agents run on.";
}

function damagedLines(damaged: DamagedTask[]): string[] {
	if (damaged.length === 0) return [];
	const lines = damaged.slice(0, SHOWN).map(({ id, damage }) => `  ${oneLine(id, 64)}: ${damage}`);
	return [
		"",
		"Damaged records (`dispatch cancel ID` ends the agent, `dispatch rm ID` removes it):",
		...lines,
	];
}

function leftLines(left: LeftAgent[]): string[] {
	if (left.length === 0) return [];
	const lines = left
		.slice(0, SHOWN)
		.map(({ task, start, why }) => `  ${task}, start ${start}: ${oneLine(why)}`);
	return ["", `Agents that no task follows (\`dispatch down --stop-agents\` ends all agents):`, ...lines];
}

function otherLines(others: OtherWorker[]): string[] {
	if (others.length === 0) return [];
	return ["", ...others.map((other) => `${otherWorkerText(other, "status")} shows its tasks.`)];
}
