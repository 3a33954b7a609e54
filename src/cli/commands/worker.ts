import { runDaemon } from "../../host/run.ts";
import type { Context } from "../context.ts";
import { wholeNumber } from "../options/values.ts";

const MOST_AGENTS = 1_000;

export interface WorkerFlags {
	concurrency?: string;
	standby?: boolean;
	/** started by another command */
	background?: boolean;
}

export async function worker(context: Context, flags: WorkerFlags): Promise<number | undefined> {
	await context.ownHome();
	const background = flags.background ?? false;
	await runDaemon(context, {
		...(flags.concurrency === undefined
			? {}
			: { concurrency: wholeNumber(flags.concurrency, "--concurrency", 1, MOST_AGENTS) }),
		standby: flags.standby ?? false,
		// Whoever started it is looking; what a background worker's log holds is for finding faults.
		...(!background && { foreground: (log, signal) => tellTasks(context, log, signal) }),
	});
	return undefined;
}

async function tellTasks(
	context: Context,
	say: (facts: object, line: string) => void,
	signal: AbortSignal,
): Promise<void> {
	const { tellOfTasks } = await import("../show/worker-lines.ts");
	await tellOfTasks({ store: await context.store("service"), host: context.home.hostId, say }, signal);
}
