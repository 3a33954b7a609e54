import { daemonState, stopDaemon } from "../../host/process.ts";
import { stopWebProcess } from "../../host/web-process.ts";
import { agentStatus } from "../../process/agent.ts";
import { listRuns, openRun } from "../../process/run-dir.ts";
import { stopLocalServer } from "../../queue/redis/local-server.ts";
import type { Context } from "../context.ts";
import { ensureWorker } from "../worker-up.ts";

export interface DownFlags {
	drain?: boolean;
	stopAgents?: boolean;
}

export async function down(context: Context, flags: DownFlags): Promise<number | undefined> {
	const { home, output } = context;
	const stopAgents = flags.stopAgents ?? false;
	// Only a worker can end agents in good order: it notes what became of their tasks.
	if (stopAgents && daemonState(home) === null && liveAgents(home.path) > 0) await ensureWorker(context);
	const webStopped = await stopWebProcess(home.path);
	const { stopped } = await stopDaemon(home, { drain: flags.drain ?? false, stopAgents });
	const redisStopped = (await context.redisUrl()) === null ? await stopLocalServer(home) : false;
	const agents = liveAgents(home.path);
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

function liveAgents(home: string): number {
	return listRuns(home).filter(({ task, epoch }) => {
		const run = openRun(home, task, epoch);
		return run !== null && agentStatus(run).kind === "alive";
	}).length;
}
