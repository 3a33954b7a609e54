import { type Retried, retryTasks } from "../../actions/retry.ts";
import { viewTasks } from "../../actions/views.ts";
import type { Context } from "../context.ts";
import { ensureWorker } from "../worker-up.ts";

export interface RetryFlags {
	fresh?: boolean;
	model?: string;
}

export async function retry(
	context: Context,
	given: string[],
	flags: RetryFlags,
): Promise<number | undefined> {
	const store = await context.store();
	const request = { fresh: flags.fresh ?? false, model: flags.model ?? null };
	const retried = await retryTasks(store, context.config, given, request);
	const ids = retried.map(({ task }) => task);
	if (!context.output.json) context.output.result(null, retried.map(retryLine), ids);
	if (retried.some(({ host }) => host === context.home.hostId)) await ensureWorker(context);
	if (context.output.json) {
		const views = await viewTasks(store, await store.getMany(ids));
		context.output.result(given.length === 1 ? views[0] : views, []);
	}
	return undefined;
}

function retryLine({ task, agent, fresh }: Retried): string {
	const how = fresh ? "from the beginning" : "where it stopped";
	return `\`${task}\` starts again ${how} using ${agent.model ?? agent.backend}.`;
}
