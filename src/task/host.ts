/** What is known of a host: the words that all parts share. */

/** A host whose heartbeat is older is gone. */
export const HOST_GONE_MS = 45_000;
/** A restart of the worker takes less. */
export const LEFT_MS = 10_000;

/** Whether what a host wrote at a time is of one that lives: it would have written anew what is to come still. All in ms. */
export function isFresh(at: number, now: number, limitMs: number): boolean {
	return Math.abs(now - at) < limitMs;
}

export const HOST_STATES = [
	/** it takes tasks */
	"working",
	/** it lives and starts nothing new */
	"draining",
	/** no heartbeat for a while; not yet believed to be gone */
	"silent",
	/** its worker was stopped a moment ago: it may be a restart */
	"stopped",
	/** no worker for longer than a restart takes */
	"gone",
	/** it never showed itself, or what says when is damaged */
	"unknown",
] as const;
export type HostState = (typeof HOST_STATES)[number];

/** What a host may start. */
export interface HostBackend {
	/** as the config of that host names it */
	name: string;
	/** claude, codex, cursor, command … */
	type: string;
	/** whether its program is there; null: a command of the user's own, of which nobody can tell */
	found: boolean | null;
	/** null: not known (yet), or it tells none */
	version: string | null;
}
