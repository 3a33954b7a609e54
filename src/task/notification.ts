/** What is told to the outside, and to whom. */
import type { State } from "./states.ts";

export const NOTIFICATION_EVENTS = ["question", "parked", "completed", "failed", "cancelled"] as const;
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number];

/** Those that a target gets when its config says nothing. */
export const USUAL_EVENTS: readonly NotificationEvent[] = ["question", "failed", "completed"];

interface Common {
	/** unique among the targets; in the queue it stands for the target, whose secrets stay in the config */
	name: string;
	on: readonly NotificationEvent[];
}

/** Values that an entry of the environment may hold instead. */
export interface Secret {
	value: string | null;
	/** the name of a variable of the daemon */
	env: string | null;
}

export type NotificationTarget = Common &
	(
		| { type: "webhook"; url: Secret; secret: Secret }
		| { type: "slack"; url: Secret }
		| { type: "command"; command: string }
		| { type: "bell" }
	);

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
