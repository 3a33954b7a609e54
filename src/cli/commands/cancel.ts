import { afterCancel, type Cancelled, cancelTasks, refuseEnded } from "../../actions/cancel.ts";
import { viewsOf } from "../../actions/views.ts";
import { isEnded, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { ensureWorker } from "../worker-up.ts";

/** SIGTERM, grace and SIGKILL take less. */
const END_LIMIT_MS = 20_000;

export async function cancel(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const replies = await cancelTasks(store, given, { by: whoAmI(), own: context.home.hostId });
	const cancelling = replies.filter(({ result }) => result === "cancelling");
	// The host that runs it ends the agent; when that is this one, we see to it.
	if (cancelling.some(({ host }) => host === context.home.hostId)) await ensureWorker(context);
	const ends = await afterCancel(
		store,
		cancelling.map(({ task }) => task),
		END_LIMIT_MS,
	);
	const done = replies.filter(({ result }) => result !== "ended");
	if (!context.output.json)
		for (const reply of done) context.output.write(cancelLine(reply, ends.get(reply.task)));
	refuseEnded(replies);
	const ids = done.map(({ task }) => task);
	if (context.output.json) context.output.result(await viewsOf(store, ids), []);
	return undefined;
}

/** What became of it. @param state where it is by now; undefined where it was not waited for */
export function cancelLine({ task, host, result }: Cancelled, state: State | null | undefined): string {
	if (result === "cancelled") return `Cancelled \`${task}\`.`;
	if (state === "cancelled" || state === null) return `Cancelled \`${task}\`; its agent was stopped.`;
	if (state !== undefined && isEnded(state))
		return `\`${task}\` ended before it could be cancelled: it is ${state}.`;
	return `Cancelling \`${task}\`: its host ${host} stops the agent as soon as it can.`;
}
