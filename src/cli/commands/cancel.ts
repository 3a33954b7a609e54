import { setTimeout as sleep } from "node:timers/promises";
import { findTask } from "../../actions/find-task.ts";
import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { ensureWorker } from "../worker-up.ts";

/** SIGTERM, grace and SIGKILL take less. */
const END_LIMIT_MS = 20_000;
const LOOK_MS = 100;

export async function cancel(context: Context, given: string[]): Promise<number | undefined> {
	const store = await context.store();
	const ended: string[] = [];
	const cancelled: string[] = [];
	for (const id of given) {
		const record = await findTask(store, id);
		const reply = await store.cancel(record.spec.id, whoAmI());
		if (reply.result === "ended") ended.push(`\`${record.spec.id}\` is ${reply.state}`);
		else cancelled.push(record.spec.id);
		if (reply.result === "cancelling") await endAgent(context, store, record);
		else if (reply.result === "cancelled" && !context.output.json)
			context.output.write(`Cancelled \`${record.spec.id}\`.`);
	}
	if (ended.length > 0)
		throw new DispatchError("DISPATCH_ALREADY_ENDED", `Nothing to cancel: ${ended.join(", ")}.`);
	if (context.output.json) context.output.result(await viewTasks(store, await store.getMany(cancelled)), []);
	return undefined;
}

/** The host that runs it ends the agent; when that is this one, we see to it. */
async function endAgent(context: Context, store: Store, { spec, host }: TaskRecord): Promise<void> {
	if (host === context.home.hostId) await ensureWorker(context);
	const state = await endedState(store, spec.id);
	if (context.output.json) return;
	if (state === "cancelled" || state === null)
		context.output.write(`Cancelled \`${spec.id}\`; its agent was stopped.`);
	else if (isEnded(state))
		context.output.write(`\`${spec.id}\` ended before it could be cancelled: it is ${state}.`);
	else context.output.write(`Cancelling \`${spec.id}\`: its host ${host} stops the agent as soon as it can.`);
}

async function endedState(store: Store, id: string): Promise<State | null> {
	const until = performance.now() + END_LIMIT_MS;
	for (;;) {
		const state = await store.stateOf(id);
		if (state === null || isEnded(state) || performance.now() > until) return state;
		await sleep(LOOK_MS);
	}
}
