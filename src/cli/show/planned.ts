/** What `--dry-run` shows: what would be submitted, found or started again. Nothing is written. */
import { type LookedUp, lookUp } from "../../producer/look-up.ts";
import type { ResolvedTask } from "../../producer/resolve.ts";
import { RefusedTask } from "../../producer/submit-batch.ts";
import type { TaskSpec } from "../../task/spec.ts";
import type { State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { withStoreThere } from "../store-there.ts";
import { afterLines, planLines } from "./enqueued-lines.ts";
import { oneLine, plain } from "./output.ts";

interface Planned {
	spec: TaskSpec;
	/** of the one that the same key made before; null: it would be made */
	state: State | null;
	/** null: nobody could look */
	would: "dispatch" | "find" | "restart" | null;
}

/** @throws what the call itself would be refused with */
export async function showPlannedTask(context: Context, task: ResolvedTask): Promise<undefined> {
	const found = await withStoreThere(context, (store) => alone(() => lookUp(store, [task])));
	tellNotLookedUp(context, [task], found);
	for (const planned of plannedOf([task], found, false)) {
		const { spec } = planned;
		const own = [plannedLine(spec), ...afterLines(spec.after), ...planLines(spec.givenItems)];
		context.output.result(shownOf(planned), planned.state === null ? own : [knownLine(planned)], [spec.id]);
	}
	return undefined;
}

/**
 * @param found null: Redis could not be reached
 * @param restarts what failed would be started again
 */
export function showPlannedBatch(
	context: Context,
	tasks: readonly ResolvedTask[],
	found: LookedUp | null,
	restarts: boolean,
): undefined {
	tellNotLookedUp(context, tasks, found);
	const all = plannedOf(tasks, found, restarts);
	context.output.result(
		all.map(shownOf),
		[...all.flatMap(linesOf), totalOf(all)],
		all.map(({ spec }) => spec.id),
	);
	return undefined;
}

function plannedOf(tasks: readonly ResolvedTask[], found: LookedUp | null, restarts: boolean): Planned[] {
	return tasks.map(({ spec }, place) => {
		const state = found?.found.get(place)?.state ?? null;
		const known = restarts && state === "failed" ? "restart" : "find";
		const would = found === null ? null : state === null ? "dispatch" : known;
		return { spec: { ...spec, id: found?.ids[place] ?? spec.id }, state, would };
	});
}

function shownOf({ spec: { nonce: _nonce, ...planned }, would }: Planned) {
	return { dryRun: true, would, ...planned };
}

function linesOf(planned: Planned): string[] {
	const { spec, state } = planned;
	if (state !== null) return [knownLine(planned)];
	const prompt = plain(spec.prompt).split("\n");
	return [
		plannedLine(spec),
		...(spec.after.length === 0 ? [] : [`  after ${spec.after.join(", ")}`]),
		...prompt.map((line) => `  ${line}`),
	];
}

/** "Would dispatch `x` using opus (default) in /home/ann/shop." */
function plannedLine({ id, model, backend, modelReason, cwd }: TaskSpec): string {
	return `Would dispatch \`${id}\` using ${model ?? backend} (${modelReason}) in ${oneLine(cwd)}.`;
}

function knownLine({ spec, state, would }: Planned): string {
	const end = would === "restart" ? "failed, and would be started again" : `is ${state}`;
	return `\`${spec.id}\` was dispatched before under the same key; it ${end}.`;
}

function totalOf(all: readonly Planned[]): string {
	const [found, restarted] = (["find", "restart"] as const).map(
		(what) => all.filter(({ would }) => would === what).length,
	) as [number, number];
	const made = all.length - found - restarted;
	if (all.length === 0) return "There is nothing to do.";
	const does = [
		...(made > 0 ? [`dispatch ${made === 1 ? "1 task" : `${made} tasks`}`] : []),
		...(restarted > 0 ? [`start ${restarted} again`] : []),
	];
	const known = found === 0 ? "" : `; ${found} ${found === 1 ? "was" : "were"} dispatched before`;
	return `Would ${does.join(" and ") || "dispatch nothing"}${known}.`;
}

/** Only where somebody asked for what Redis alone can tell: an id that was not given gets a number in any case. */
function tellNotLookedUp({ output }: Context, tasks: readonly ResolvedTask[], found: LookedUp | null): void {
	const asks = tasks.some(
		({ explicitId, key, spec }) => explicitId || key !== undefined || spec.after.length > 0,
	);
	if (found === null && asks)
		output.note("Redis cannot be reached: ids, keys and needs were not looked up, which may be refused.");
}

async function alone<T>(work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw error instanceof RefusedTask ? error.refusal : error;
	}
}
