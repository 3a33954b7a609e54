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

/** Agents get the worker's environment, not this command's: where the two differ, it is told. */
export async function tellSurroundings(context: Context): Promise<void> {
	const { workerDiffers } = await import("../host/process.ts");
	const { differenceText } = await import("../host/surroundings.ts");
	const found = workerDiffers(context.home, context.config, context.env);
	if (found.length === 0) return;
	context.output.note(
		`Agents get the worker's environment, which differs from this one: ${differenceText(found)}. \`dispatch up --restart\` takes this one; \`env:\` in the config lets variables travel with each task.`,
	);
}
