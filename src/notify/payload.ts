/** From what happened to what is told. */

import type { NotificationEvent, NotificationPayload } from "../task/notification.ts";
import type { TaskRecord } from "../task/record.ts";
import { viewOf } from "../task/view.ts";

const EVENT_OF: ReadonlyMap<string, NotificationEvent> = new Map([
	["asked", "question"],
	["parked", "parked"],
	["completed", "completed"],
	["failed", "failed"],
	["cancelled", "cancelled"],
]);

/** Of a task's event; `id` names its place in the order of events. */
interface Happened {
	id: string;
	kind: string;
	task: string;
	/** ms since the Unix epoch */
	at: number;
	seq?: string;
	text?: string;
}

/** @returns null for what is nobody's news */
export function newsOf(kind: string): NotificationEvent | null {
	return EVENT_OF.get(kind) ?? null;
}

export function payloadOf(
	kind: NotificationEvent,
	{ event, record, namespace }: { event: Happened; record: TaskRecord; namespace: string },
): NotificationPayload {
	const { state, reason, model, cwd, tags, outcome, reportPath } = viewOf(record, [], namespace);
	const question = kind === "question" ? { seq: event.seq ?? "", text: event.text ?? "" } : null;
	return {
		schema: 1,
		id: event.id,
		event: kind,
		at: new Date(event.at).toISOString(),
		task: { id: event.task, namespace, state, reason, host: record.host, model, cwd, tags },
		question,
		message: question === null ? (outcome?.message ?? null) : null,
		reportPath,
	};
}
