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
	await runDaemon(context, {
		...(flags.concurrency === undefined
			? {}
			: { concurrency: wholeNumber(flags.concurrency, "--concurrency", 1, MOST_AGENTS) }),
		background: flags.background ?? false,
		standby: flags.standby ?? false,
	});
	return undefined;
}
