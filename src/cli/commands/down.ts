import { stopLeftAgents } from "../../host/left-agents.ts";
import { daemonState, stopDaemon } from "../../host/process.ts";
import { stopWebProcess } from "../../host/web-process.ts";
import { liveRuns } from "../../process/live-runs.ts";
import { stopLocalServer } from "../../queue/redis/local-server.ts";
import type { Context } from "../context.ts";
import { ensureWorker } from "../worker-up.ts";

const NO_WORKER_FOR_IT =
	"No worker could be started to note their end: the agents are ended all the same, and the next worker finds out.";

export interface DownFlags {
	drain?: boolean;
	stopAgents?: boolean;
}

export async function down(context: Context, flags: DownFlags): Promise<number | undefined> {
	const { home, output } = context;
	const stopAgents = flags.stopAgents ?? false;
	// Only a worker can end agents in good order: it notes what became of their tasks.
	if (stopAgents && daemonState(home) === null && liveRuns(home.path).live.length > 0)
		await ensureWorker(context).catch(() => output.note(NO_WORKER_FOR_IT));
	const webStopped = await stopWebProcess(home.path);
	const { stopped } = await stopDaemon(home, { drain: flags.drain ?? false, stopAgents });
	const redisStopped = (await context.redisUrl()) === null ? await stopLocalServer(home) : false;
	if (stopAgents) await stopLeftAgents(home.path);
	const { live, unknown } = liveRuns(home.path);
	const agents = live.length;
	if (unknown.length > 0) output.note(`Could not look whether agents live: ${unknown.join(", ")}.`);
	const lines = [
		stopped ? "The worker is stopped." : "No worker was running.",
		...(webStopped ? ["The web view is stopped."] : []),
		...(redisStopped ? ["The local Redis is stopped."] : []),
		...(agents > 0
			? [
					`${agents === 1 ? "1 agent runs" : `${agents} agents run`} on, without budget or deadline checks; the next \`dispatch up\` adopts them.`,
				]
			: []),
	];
	output.result({ stopped, redisStopped, webStopped, agents }, lines);
	return undefined;
}
