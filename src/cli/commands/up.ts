import type { Context } from "../context.ts";
import { ensureWorker } from "../worker-up.ts";

export async function up(context: Context): Promise<number | undefined> {
	const store = await context.store();
	const { pid, started } = await ensureWorker(context);
	const { shownAddress } = await import("../../queue/connect.ts");
	const redis = shownAddress(store.target);
	const line = `${started ? "The worker is up" : "The worker was up already"} (pid ${pid}, Redis ${redis}).`;
	context.output.result({ pid, started, redis, host: context.home.hostId, namespace: store.namespace }, [
		line,
	]);
	return undefined;
}
