/** Makes sure that somebody works on this host's tasks. */
import type { Context } from "./context.ts";

/** Nothing is submitted where this host's worker would never look for it. @throws DISPATCH_OTHER_REDIS */
export async function checkWorkerServes(context: Context): Promise<void> {
	const { checkServed } = await import("../host/process.ts");
	checkServed(context.home, await context.redisUrl());
}

/**
 * Starts this host's daemon in the background unless one runs.
 * @param tells false: the screen is taken
 * @throws DISPATCH_NO_WORKER
 */
export async function ensureWorker(
	context: Context,
	tells = true,
): Promise<{ pid: number; started: boolean }> {
	const { startDaemon } = await import("../host/process.ts");
	const worker = await startDaemon(context.home, await context.redisUrl());
	// Told when a worker starts with this config, not at every command.
	if (worker.started && tells) for (const notice of context.config.notices) context.output.note(notice);
	return worker;
}
