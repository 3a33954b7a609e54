/** Tasks as `--json` shows them. */
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import { type TaskView, viewOf } from "../task/view.ts";

export async function viewTask(store: Store, record: TaskRecord): Promise<TaskView> {
	return viewOf(record, await store.questions(record.spec.id), store.namespace);
}

export async function viewTasks(store: Store, records: readonly TaskRecord[]): Promise<TaskView[]> {
	return Promise.all(records.map((record) => viewTask(store, record)));
}
