/** Makes sure that somebody works on this host's tasks. */
import type { Context } from "./context.ts";

/** Starts this host's daemon in the background unless one runs. @throws DISPATCH_NO_WORKER */
export async function ensureWorker(context: Context): Promise<{ pid: number; started: boolean }> {
	const { startDaemon } = await import("./daemon-process.ts");
	return startDaemon(context.home, await context.redisUrl());
}
