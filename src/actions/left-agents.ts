/** Agents that live on this host and that no task follows: their record is damaged, gone, or of another start. */
import { liveRunsInTurns } from "../process/live-runs.ts";
import type { RunDir } from "../process/run-dir.ts";
import type { Store } from "../queue/records/store.ts";
import { isLive } from "../task/states.ts";

export interface LeftAgent {
	task: string;
	/** its epoch */
	start: number;
	/** one line */
	why: string;
}

/**
 * @param home the state directory's path
 * @param elsewhere tasks whose record is known to be in another Redis
 */
export async function leftAgents(
	store: Store,
	home: string,
	elsewhere: ReadonlySet<string> = new Set(),
): Promise<LeftAgent[]> {
	const { live } = await liveRunsInTurns(home);
	if (live.length === 0) return [];
	const { records, damaged } = await store.read([...new Set(live.map(({ facts }) => facts.task))]);
	return live.flatMap(({ facts }: RunDir) => {
		const { task, epoch: start, nonce } = facts;
		const damage = damaged.find(({ id }) => id === task);
		if (damage !== undefined) return [{ task, start, why: `its record is damaged: ${damage.damage}` }];
		const record = records.find(({ spec }) => spec.id === task);
		if (record === undefined && elsewhere.has(task)) return [];
		if (record === undefined) return [{ task, start, why: "this Redis has no record of it" }];
		if (isLive(record.state) && record.runNonce === nonce) return [];
		return [{ task, start, why: `the task is at start ${record.epoch}, ${record.state}` }];
	});
}
