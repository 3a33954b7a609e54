import { daemonState } from "../../host/process.ts";
import { stopDaemon } from "../../host/stop.ts";
import { startWebProcess } from "../../host/web-process.ts";
import { drainOf } from "../../queue/records/hosts.ts";
import { shownAddress } from "../../task/address.ts";
import { showOnPurpose } from "../../task/secrets.ts";
import type { Context } from "../context.ts";
import { ensureWorker, ownHome, tellOfWorker } from "../worker-up.ts";

export interface UpFlags {
	restart?: boolean;
	web?: boolean;
}

export async function up(context: Context, flags: UpFlags): Promise<number | undefined> {
	const store = await context.store();
	await (flags.restart ? context.ownHome() : ownHome(context));
	// One that drains is none that is up.
	if (flags.restart || daemonState(context.home)?.draining)
		await stopDaemon(context.home, { drain: false, stopAgents: false });
	const { pid, started } = await ensureWorker(context);
	if (!started) await tellOfWorker(context);
	const drain = await drainOf(store, context.home.hostId);
	if (drain !== null)
		context.output.note(
			`This host is drained (by ${drain.by}): it starts nothing new. It goes on with: dispatch hosts resume ${context.home.hostId}`,
		);
	const redis = shownAddress(store.target);
	const line = `${started ? "The worker is up" : "The worker was up already"} (pid ${pid}, Redis ${redis}).`;
	const web = flags.web ? await webOf(context) : null;
	if (web !== null) showOnPurpose(web);
	const lines = web === null ? [line] : [line, `The web view is at ${web}`];
	const { hostId: host } = context.home;
	context.output.result({ pid, started, redis, host, namespace: store.namespace, web }, lines);
	return undefined;
}

/** @returns its link */
async function webOf(context: Context): Promise<string> {
	const { url } = await startWebProcess(context.home, await context.redisUrl(), context.neededOption);
	return url;
}
