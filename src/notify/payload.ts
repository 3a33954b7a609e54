/** From what happened to what is told. */

import type { NotificationEvent, NotificationPayload } from "../task/notification.ts";
import type { TaskRecord } from "../task/record.ts";
import type { State } from "../task/states.ts";
import { viewOf } from "../task/view.ts";

const EVENT_OF: ReadonlyMap<string, NotificationEvent> = new Map([
	["asked", "question"],
	["parked", "parked"],
	["completed", "completed"],
	["failed", "failed"],
	["cancelled", "cancelled"],
]);

/** What is told is the state that the event led to: by the time of telling the task may be far on. */
const STATE_OF: Readonly<Record<NotificationEvent, State>> = {
	question: "asking",
	parked: "parked",
	completed: "completed",
	failed: "failed",
	cancelled: "cancelled",
};

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
	const { reason, model, cwd, tags, outcome, reportPath } = viewOf(record, [], namespace);
	const question = kind === "question" ? { seq: event.seq ?? "", text: event.text ?? "" } : null;
	return {
		schema: 1,
		id: event.id,
		event: kind,
		at: new Date(event.at).toISOString(),
		task: { id: event.task, namespace, state: STATE_OF[kind], reason, host: record.host, model, cwd, tags },
		question,
		message: question === null ? (outcome?.message ?? null) : null,
		reportPath,
	};
}
