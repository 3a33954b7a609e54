/** What there is, what is open, and what cannot be read. */
import type { Store } from "../queue/records/store.ts";
import type { DamagedTask } from "../task/damaged.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { type Totals, totalsOf } from "../task/totals.ts";

export interface Overview {
	/** of the sound ones */
	counts: Totals;
	open: TaskRecord[];
	/** ids, newest first */
	failed: string[];
	/** ids of those that were cancelled or skipped, newest first */
	cancelled: string[];
	/** the open ones, and those that do not say whether they are */
	damaged: DamagedTask[];
}

export async function overviewOf(store: Store): Promise<Overview> {
	const states = [...(await store.states())];
	const ended = states.flatMap(([, state]) => (state !== null && isEnded(state) ? [state] : []));
	const others = states.filter(([, state]) => state === null || !isEnded(state));
	const [failed, cancelled] = (["failed", "cancelled"] as const).map((wanted) =>
		states.filter(([, state]) => state === wanted).map(([id]) => id),
	) as [string[], string[]];
	const { records: open, damaged } = await store.read(others.map(([id]) => id));
	const counts = totalsOf([...open.map((record) => record.state), ...ended]);
	return { counts, open, failed, cancelled, damaged };
}
