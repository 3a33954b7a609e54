import { plain } from "../task/clean-text.ts";
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

/** What there is to say beyond the title: a command of the user's may print it on a terminal. */
export function textOf({ question, message, task }: NotificationPayload): string {
	if (question === null) return plain(message ?? "");
	// Read when others have answered long since: an answer to a later question names it.
	const which = Number(question.seq) === 1 ? "" : ` --seq ${Number(question.seq)}`;
	return `${plain(question.text).trimEnd()}\nAnswer with: dispatch answer ${task.id}${which} "…"`;
}
