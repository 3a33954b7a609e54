/** From what happened to what is told. */

import type { TaskEvent } from "../queue/records/events.ts";
import type { Store } from "../queue/records/store.ts";
import type { NotificationEvent, NotificationPayload } from "../task/notification.ts";
import { viewOf } from "../task/view.ts";

const EVENT_OF: Readonly<Record<string, NotificationEvent>> = {
	asked: "question",
	parked: "parked",
	completed: "completed",
	failed: "failed",
	cancelled: "cancelled",
};

/** @returns null for what is nobody's news, and for tasks of other hosts */
export async function payloadOf(
	store: Store,
	host: string,
	event: TaskEvent,
): Promise<NotificationPayload | null> {
	const kind = EVENT_OF[event.kind];
	if (kind === undefined) return null;
	const record = await store.get(event.task);
	if (record === null || record.host !== host) return null;
	const { state, reason, model, cwd, tags, outcome, reportPath } = viewOf(record, [], store.namespace);
	const question = kind === "question" ? { seq: event.seq ?? "", text: event.text ?? "" } : null;
	return {
		schema: 1,
		id: event.id,
		event: kind,
		at: new Date(event.at).toISOString(),
		task: { id: event.task, namespace: store.namespace, state, reason, host, model, cwd, tags },
		question,
		message: question === null ? (outcome?.message ?? null) : null,
		reportPath,
	};
}
