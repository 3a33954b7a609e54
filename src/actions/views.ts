/** Tasks as `--json` shows them. */
import { lostHosts } from "../queue/records/lost-hosts.ts";
import type { Store } from "../queue/records/store.ts";
import { type DamagedView, damagedView } from "../task/damaged.ts";
import type { TaskRecord } from "../task/record.ts";
import { isEnded } from "../task/states.ts";
import { type TaskView, viewOf } from "../task/view.ts";

export async function viewTask(store: Store, record: TaskRecord): Promise<TaskView> {
	const [view] = await viewTasks(store, [record]);
	return view as TaskView;
}

/** What held a task by itself, of the views whose hold tells of their host. */
const HELD = new WeakMap<TaskView, TaskView["hold"]>();

/** The view with the hold that the task has of itself, whatever became of its host. */
export function asHeld(view: TaskView): TaskView {
	const hold = HELD.get(view);
	return hold === undefined ? view : { ...view, hold };
}

/** Where the host of one is gone, its hold says so: nothing else of it can be true for long. */
export async function viewTasks(store: Store, records: readonly TaskRecord[]): Promise<TaskView[]> {
	const [lost, questions] = await Promise.all([
		lostHosts(store, records),
		store.questionsOf(records.map(({ spec }) => spec.id)),
	]);
	return records.map((record, i) => {
		const view = viewOf(record, questions[i] ?? [], store.namespace);
		if (isEnded(record.state) || !lost.has(record.host)) return view;
		const gone = { ...view, hold: { kind: "host_gone" as const, until: null } };
		HELD.set(gone, view.hold);
		return gone;
	});
}

/** Those that are still there, whether their record can be read or not. */
export async function viewsOf(store: Store, ids: readonly string[]): Promise<(TaskView | DamagedView)[]> {
	const { records, damaged } = await store.read(ids);
	const views = await viewTasks(store, records);
	return [...views, ...damaged.map((each) => damagedView(each, store.namespace))];
}
