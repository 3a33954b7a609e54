/** Tasks that need others, moved by hand: for the tests of the scripts. */
import type { Store } from "../../../src/queue/records/store.ts";
import type { State } from "../../../src/task/states.ts";
import { specOf } from "./store-support.ts";

/** @param store asked for at each act: it is opened later */
export function needsStage(store: () => Store) {
	const task = (id: string, ...after: string[]) => store().create(specOf(id, { after }));
	const start = (id: string) => store().move({ id, from: ["queued"], to: "running", runNonce: "n" });
	const retry = async (id: string) => {
		const { state } = await store().need(id);
		return store().move({ id, from: [state], to: "queued", set: { reason: null, outcome: null } });
	};
	const end = async (id: string, to: "completed" | "failed" | "cancelled") => {
		await start(id);
		return store().move({ id, from: ["running"], to });
	};
	const states = async (): Promise<Record<string, State | null>> =>
		Object.fromEntries([...(await store().states())].sort(([a], [b]) => (a < b ? -1 : 1)));
	return { task, start, retry, end, states };
}
