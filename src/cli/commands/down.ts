import { stopLeftAgents } from "../../host/left-agents.ts";
import { daemonState, otherWorkers, otherWorkerText } from "../../host/process.ts";
import { isServed, stopDaemon, withoutWorker } from "../../host/stop.ts";
import { stopWebProcess } from "../../host/web-process.ts";
import { liveRuns } from "../../process/live-runs.ts";
import { stopLocalServer } from "../../queue/redis/local-server.ts";
import { EXIT } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { ensureWorker } from "../worker-up.ts";

const NO_WORKER_FOR_IT =
	"No worker could be started to note their end: the agents are ended all the same, and the next worker finds out.";

const TAKEN =
	"Agents were not ended: another command has started a worker meanwhile, or is ending them itself. Repeat this to be sure.";

/** Thousands of old runs may lie there. */
const LOOK_MS = 1_000;
/** Tasks that a drain names. */
const AWAITED_SHOWN = 5;

export interface DownFlags {
	drain?: boolean;
	stopAgents?: boolean;
}

export async function down(context: Context, flags: DownFlags): Promise<number | undefined> {
	const { home, output } = context;
	const stopAgents = flags.stopAgents ?? false;
	// Only a worker can end agents in good order: it notes what became of their tasks.
	const isUnserved = daemonState(home) === null && !(await isServed(home));
	const isForThem = stopAgents && isUnserved && liveRuns(home.path).live.length > 0;
	if (isForThem) await ensureWorker(context).catch(() => output.note(NO_WORKER_FOR_IT));
	const webStopped = await stopWebProcess(home.path);
	const drain = flags.drain ?? false;
	// Without --drain nothing is waited for long: Ctrl-C ends this command.
	const interrupt = drain ? onInterrupt() : null;
	const waits = drain ? awaitedTeller(context) : undefined;
	const { stopped } = await stopDaemon(home, { drain, stopAgents }, interrupt?.signal, waits);
	output.clearProgress();
	interrupt?.release();
	if (interrupt?.signal.aborted) return stillDrains(context);
	// Somebody's `up` may have put another worker in the place of one that drained.
	const isOurs = (await context.redisUrl()) === null && !(await isServed(home));
	const note = (line: string) => output.note(line);
	const redisStopped = isOurs ? await stopLocalServer({ path: home.base }, note) : false;
	const wasTaken = stopAgents && !(await withoutWorker(home, () => stopLeftAgents(home.path)));
	const { live, unknown } = liveRuns(home.path);
	const agents = live.length;
	const isLeft = wasTaken && agents > 0;
	if (isLeft) output.note(TAKEN);
	if (unknown.length > 0) output.note(`Could not look whether agents live: ${unknown.join(", ")}.`);
	const others = otherWorkers(home);
	const lines = [
		...(stopped && !isForThem ? ["The worker is stopped."] : []),
		...(stopped && isForThem
			? ["No worker was running: one was started to end the agents, and is stopped."]
			: []),
		...(stopped ? [] : ["No worker was running."]),
		...(webStopped ? ["The web view is stopped."] : []),
		...(redisStopped ? ["The local Redis is stopped."] : []),
		...(agents > 0 && !isLeft
			? [
					`${agents === 1 ? "1 agent runs" : `${agents} agents run`} on, without budget or deadline checks; the next \`dispatch up\` adopts ${agents === 1 ? "it" : "them"}.`,
				]
			: []),
		...others.map((other) => `${otherWorkerText(other, "down")} stops it.`),
	];
	output.result({ stopped, redisStopped, webStopped, agents, otherWorkers: others }, lines);
	return isLeft ? EXIT.conflict : undefined;
}

/** Whose agents a drain waits for: they may take as long as they like. */
function awaitedTeller({ home, output }: Context): () => void {
	let lookedAt = Number.NEGATIVE_INFINITY;
	return () => {
		const now = performance.now();
		if (now - lookedAt < LOOK_MS) return;
		lookedAt = now;
		const line = awaitedLine(home.path);
		if (line !== null) output.awaits(line);
	};
}

function awaitedLine(home: string): string | null {
	const tasks = [...new Set(liveRuns(home).live.map(({ facts }) => facts.task))];
	if (tasks.length === 0) return null;
	const more = tasks.length > AWAITED_SHOWN ? ` and ${tasks.length - AWAITED_SHOWN} more` : "";
	const who = tasks.length === 1 ? "1 agent" : `the agents of ${tasks.length} tasks`;
	return `Waiting for ${who}: ${tasks.slice(0, AWAITED_SHOWN).join(", ")}${more}`;
}

function stillDrains({ home, output }: Context): number {
	if (daemonState(home) !== null)
		output.note(
			"Interrupted. The worker goes on draining: it starts nothing more, and stops when its agents have ended. `dispatch up` starts one that takes tasks.",
		);
	return EXIT.interrupted;
}
