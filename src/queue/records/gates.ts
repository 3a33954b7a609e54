/**
 * Gates: while a backend of a host is held, none of its tasks starts there. One hash per host, a field per
 * backend. A rate limit holds until a time; a login that failed twice in a row holds until it is mended
 * (`dispatch doctor`, or a good start). Tasks stay queued, those of other backends go on.
 */
import type { Store } from "./store.ts";

/** One failure may be the task's own affair; two in a row are the backend's. */
const AUTH_FAILURES_TO_HOLD = 2;

export interface Gate {
	kind: "rate_limited" | "auth";
	/** ms since the Unix epoch; null: until it is released */
	until: number | null;
	/** what the CLI said */
	message: string;
	/** in a row */
	failures: number;
}

function hold(store: Store, host: string, backend: string, gate: Omit<Gate, "failures">): Promise<Gate> {
	return store.run("holdGate", { host, backend, gate });
}

/** Closes the gate of a rate-limited backend. @returns the gate as it stands now */
export function holdForRateLimit(
	store: Store,
	host: string,
	backend: string,
	until: number,
	message: string,
): Promise<Gate> {
	return hold(store, host, backend, { kind: "rate_limited", until, message });
}

/** Counts a failed login; from the second in a row on the gate is closed. */
export function noteAuthFailure(store: Store, host: string, backend: string, message: string): Promise<Gate> {
	return hold(store, host, backend, { kind: "auth", until: null, message });
}

/** Opens a backend's gate. @returns whether one was there */
export async function releaseBackend(store: Store, host: string, backend: string): Promise<boolean> {
	return (await store.guard((client) => client.hdel(store.keys.gates(host), backend))) > 0;
}

/** The CLI worked: an earlier failed login no longer counts. A rate limit stays. */
export async function releaseLogin(store: Store, host: string, backend: string): Promise<void> {
	if ((await read(store, host, backend))?.kind === "auth") await releaseBackend(store, host, backend);
}

/** The gate, when it is closed. */
export async function closedGate(store: Store, host: string, backend: string): Promise<Gate | null> {
	const gate = await read(store, host, backend);
	return gate !== null && isClosed(gate, store.clock.now()) ? gate : null;
}

/** All closed gates of a host, by backend. */
export async function closedGates(store: Store, host: string): Promise<Record<string, Gate>> {
	const all = await store.guard((client) => client.hgetall(store.keys.gates(host)));
	const gates = Object.entries(all).map(([backend, text]) => [backend, JSON.parse(text) as Gate] as const);
	return Object.fromEntries(gates.filter(([, gate]) => isClosed(gate, store.clock.now())));
}

function isClosed(gate: Gate, now: number): boolean {
	if (gate.kind === "auth") return gate.failures >= AUTH_FAILURES_TO_HOLD;
	return gate.until !== null && gate.until > now;
}

async function read(store: Store, host: string, backend: string): Promise<Gate | null> {
	const text = await store.guard((client) => client.hget(store.keys.gates(host), backend));
	return text === null ? null : (JSON.parse(text) as Gate);
}
