/** What a host puts right from time to time, whoever broke it. */
import type { Logger } from "pino";
import type { Home } from "../config/home.ts";
import { isThere } from "../process/atomic-file.ts";
import { endLeftGits } from "../process/left-gits.ts";
import { sweepLostJobs } from "../queue/jobs/dispatcher.ts";
import type { RunQueues } from "../queue/jobs/run-queue.ts";
import { lookAgain } from "../queue/records/gates.ts";
import { putBackNames } from "../queue/records/missing-names.ts";
import { dropNames } from "../queue/records/names.ts";
import type { Store } from "../queue/records/store.ts";
import { ensureLocalServer, localTarget, settleIfMoved } from "../queue/redis/local-server.ts";
import type { Serial } from "../task/serial.ts";
import { endStrayAgents } from "../worker/stray-agents.ts";

interface MendDeps {
	store: Store;
	host: string;
	log: Logger;
}

/**
 * Keys that all tasks share, where something else stands in their place, and what somebody set in BullMQ that holds a
 * queue; `relist`: or a list has lost something.
 */
export async function mend({ store, host, log }: MendDeps, relist: boolean): Promise<void> {
	const mended = await store.mend({ hosts: [host], relist });
	if (relist) mended.push(...(await dropNames(store, host)));
	if (mended.length > 0) log.warn({ mended }, "put right what held up all tasks");
}

/** What is held by what the config said is held by what it says now; at a start it may have changed meanwhile. */
export async function askHeld({ store, host, log }: MendDeps): Promise<void> {
	await lookAgain(store, host).catch((error: unknown) =>
		log.warn({ error: String(error) }, "held tasks could not look again"),
	);
}

interface SweepDeps extends MendDeps {
	/** the state directory's path */
	home: string;
	homeId: string;
	queues: RunQueues;
	serial: Serial;
	/** ms between SIGTERM and SIGKILL */
	graceMs: number;
	clearRemovals: () => Promise<unknown>;
	dropTaskEnvs: () => Promise<unknown>;
	/** for the log: what failed for one task, and is tried again */
	fault: (task: string, step: string, error: unknown) => void;
}

/** Each by itself: one that keeps failing keeps nobody from the others. @throws the first fault, after all of them */
export async function sweep(deps: SweepDeps): Promise<void> {
	const { store, host, queues, log, fault } = deps;
	const swept = await Promise.allSettled([
		dropNames(store, host).then((lists) => {
			if (lists.length > 0) log.warn({ lists }, "took names of no task out of lists");
		}),
		// It goes by the list of what is open.
		putBackNames(store)
			.then((missing) => {
				if (Object.keys(missing).length > 0) log.warn({ missing }, "put names of tasks back into lists");
			})
			.finally(async () => {
				const repaired = await sweepLostJobs(store, queues, host, fault);
				if (repaired.length > 0) log.warn({ repaired }, "made lost run jobs again");
			}),
		deps.clearRemovals(),
		deps.dropTaskEnvs(),
		endStrayAgents(deps).then((strays) => {
			if (strays.length > 0) log.warn({ strays }, "ended agents whose tasks had gone on without them");
		}),
		endLeftGits().then((gits) => {
			if (gits > 0) log.warn({ gits }, "ended git that a killed dispatch had left behind");
		}),
	]);
	for (const each of swept) if (each.status === "rejected") throw each.reason;
}

interface ReviveDeps {
	store: Store;
	home: Pick<Home, "base">;
	/** null: the local server */
	redisUrl: string | null;
	log: Logger;
}

/** The local server is ours to start again, also where only we reach it still; one at an address is not. */
export function redisReviver({ store, home, redisUrl, log }: ReviveDeps): () => Promise<void> {
	const local = { path: home.base };
	const warn = (line: string) => log.warn(line);
	let socket: string | null = null;
	return async () => {
		// A state directory that was moved away may come back: nothing is made in its place.
		if (redisUrl !== null || !isThere(home.base)) return;
		socket = settleIfMoved(local, socket, warn);
		if (store.client.status !== "ready" || !isThere(localTarget(local).socketPath))
			await ensureLocalServer(local, warn);
	};
}
