import type { NotificationPayload } from "../task/notification.ts";

/** One line for a person. */
export function titleOf({ event, task }: NotificationPayload): string {
	switch (event) {
		case "question":
			return `${task.id} is asking`;
		case "parked":
			return `${task.id} stopped with a question`;
		case "completed":
			return `${task.id} complete`;
		case "failed":
			return `${task.id} failed (${task.reason ?? "unknown"})`;
		case "cancelled":
			return `${task.id} cancelled`;
	}
}

/** What there is to say beyond the title. */
export function textOf({ question, message, task }: NotificationPayload): string {
	if (question === null) return message ?? "";
	return `${question.text.trimEnd()}\nAnswer with: dispatch answer ${task.id} "…"`;
}
