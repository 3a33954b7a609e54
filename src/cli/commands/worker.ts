import type { Context } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { wholeNumber } from "../option-values.ts";

const MOST_AGENTS = 1_000;

export interface WorkerFlags {
	concurrency?: string;
	standby?: boolean;
	/** started by another command */
	background?: boolean;
}

export async function worker(context: Context, flags: WorkerFlags): Promise<number | undefined> {
	await runDaemon(context, {
		...(flags.concurrency === undefined
			? {}
			: { concurrency: wholeNumber(flags.concurrency, "--concurrency", 1, MOST_AGENTS) }),
		background: flags.background ?? false,
		standby: flags.standby ?? false,
	});
	return undefined;
}
