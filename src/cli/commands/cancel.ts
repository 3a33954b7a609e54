import {
	afterCancel,
	type Cancelled,
	cancelTasks,
	endedMeanwhile,
	refusedOrAsked,
} from "../../actions/cancel.ts";
import { exactly } from "../../actions/find-task.ts";
import { cutOff, type Each, isDone, type NotDone, orOutage, theOnly } from "../../actions/several.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { isFilter, type SeveralFlags } from "../options/ids.ts";
import { type Act, tasksOfFilter } from "../options/several.ts";
import { whoAmI } from "../options/values.ts";
import { tellRefusals, viewsOfEach } from "../show/several.ts";
import { withTrouble, workerTrouble } from "../worker-up.ts";

/** SIGTERM, grace and SIGKILL take less. */
const END_LIMIT_MS = 20_000;
const CANCEL: Act = { verb: "Cancel", participle: "cancelled", isFor: (state) => !isEnded(state) };

/** Ends tasks that have not ended, with their agents. */
export async function cancel(
	context: Context,
	given: string[],
	flags: SeveralFlags,
): Promise<number | undefined> {
	const { home } = context;
	const store = await context.store();
	const chosen = isFilter(flags) ? await tasksOfFilter(context, given, flags, CANCEL) : undefined;
	if (chosen === null) return EXIT.interrupted;
	const meant = chosen?.records ?? given;
	const options = { by: whoAmI(), own: home.hostId, ...(chosen && { states: chosen.states }) };
	const called = refusedOrAsked(await cancelTasks(store, meant, options));
	return seen(context, called, { left: chosen?.left ?? [], single: given.length === 1 });
}

/** Cancels tasks of a batch, in the order given. @param damaged ids of those whose record cannot be read */
export async function cancelMeant(
	context: Context,
	{ records, damaged }: { records: readonly TaskRecord[]; damaged: readonly string[] },
): Promise<number | undefined> {
	const store = await context.store();
	const options = { by: whoAmI(), own: context.home.hostId };
	const called = await Promise.all([
		cancelTasks(store, records, options),
		cancelTasks(store, damaged, { ...options, find: exactly }),
	]);
	return seen(context, refusedOrAsked(called.flat()), { left: [], single: false });
}

/** Until their agents are gone; tells what became of each. */
async function seen(
	context: Context,
	called: readonly Each<Cancelled>[],
	{ left, single }: { left: readonly NotDone[]; single: boolean },
): Promise<number | undefined> {
	const { output } = context;
	const store = await context.store();
	const cancelling = called
		.filter(isDone)
		.map(({ done }) => done)
		.filter(({ result }) => result === "cancelling");
	const { states, trouble } = cutOff(called).length > 0 ? NOT_WAITED : await endsOf(context, cancelling);
	const each = endedMeanwhile(called, states);
	const asked = each.filter(isDone).map(({ done }) => done);
	if (!output.json) for (const reply of asked) output.write(cancelLine(reply, states.get(reply.task)));
	if (single) theOnly(each);
	const all = [...left, ...each];
	if (output.json) output.result(await viewsOfEach(store, all), []);
	const code = tellRefusals(output, all, CANCEL.participle);
	return withTrouble(context, trouble, code);
}

interface Ends {
	states: ReadonlyMap<string, State | null>;
	/** what kept us from seeing them end */
	trouble: DispatchError | null;
}

const NOT_WAITED: Ends = { states: new Map(), trouble: null };

/** The host that runs it ends the agent; when that is this one, we see to it. */
async function endsOf(context: Context, cancelling: readonly Cancelled[]): Promise<Ends> {
	const isOurs = cancelling.some(({ host }) => host === context.home.hostId);
	const trouble = isOurs ? await workerTrouble(context) : null;
	if (trouble !== null) return { ...NOT_WAITED, trouble };
	const tasks = cancelling.map(({ task }) => task);
	const states = await orOutage(afterCancel(await context.store(), tasks, END_LIMIT_MS));
	return states instanceof DispatchError ? { ...NOT_WAITED, trouble: states } : { states, trouble };
}

/** What became of it. @param state where it is by now; undefined where it was not waited for */
export function cancelLine({ task, host, result }: Cancelled, state: State | null | undefined): string {
	if (result === "cancelled") return `Cancelled \`${task}\`.`;
	if (state === "cancelled" || state === null) return `Cancelled \`${task}\`; its agent was stopped.`;
	return `Cancelling \`${task}\`: its host ${host} stops the agent as soon as it can.`;
}
