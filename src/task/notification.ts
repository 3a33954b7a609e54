/** What is told to the outside. */
import type { State } from "./states.ts";

export const NOTIFICATION_EVENTS = ["question", "parked", "completed", "failed", "cancelled"] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** Those that a target gets when its config says nothing. */
export const USUAL_EVENTS: readonly NotificationEvent[] = ["question", "failed", "completed"];

/** The body of a webhook, and what commands get on stdin. Times are ISO 8601 in UTC. */
export interface NotificationPayload {
	schema: 1;
	/** the same at every try: a receiver may know it by this */
	id: string;
	event: NotificationEvent;
	at: string;
	task: {
		id: string;
		namespace: string;
		state: State;
		reason: string | null;
		host: string;
		model: string | null;
		cwd: string;
		tags: Record<string, string>;
	};
	question: { seq: string; text: string } | null;
	/** how it ended, or why it waits */
	message: string | null;
	reportPath: string | null;
}
