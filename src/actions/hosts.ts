/** Hosts as `--json` shows them, and what is asked of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { hostNames, type ListedHost, listHosts } from "../queue/records/host-list.ts";
import { setDrain, wakeHost } from "../queue/records/hosts.ts";
import { removeHost } from "../queue/records/remove-host.ts";
import type { Store } from "../queue/records/store.ts";
import { ONE_LOOK_MS, orAborted, unlessAway } from "../queue/redis/or-aborted.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { HostBackend, HostState } from "../task/host.ts";
import { timeLimit } from "../task/time-limit.ts";
import { BELIEVED_MS } from "./host-watch.ts";

const MESSAGE_CHARS = 300;

export interface HostHold {
	backend: string;
	/** null: all of the backend's */
	model: string | null;
	kind: string;
	/** null: until somebody mends it */
	until: string | null;
	message: string;
}

export interface HostView {
	host: string;
	/** it is the one that was asked from */
	here: boolean;
	state: HostState;
	/** of a host without a worker: since when; null: not known, or it has one */
	since: string | null;
	/** who wants it to start nothing new, and since when; null: nobody */
	drained: { by: string; at: string } | null;
	/** it says that it starts nothing new, for whatever reason */
	draining: boolean;
	/** its state directory */
	home: string | null;
	pid: number | null;
	/** of working agents */
	places: { used: number; all: number } | null;
	/** agents that may live at once */
	maxAgents: number | null;
	/** agents that live, those included that wait for an answer and take no place */
	liveAgents: number;
	/** null: it does not tell */
	backends: HostBackend[] | null;
	holds: HostHold[];
	/** ms that its clock is before that of Redis */
	clockOffsetMs: number | null;
	/** of dispatch; null: one that does not tell */
	version: string | null;
	/** tasks that have not ended */
	openTasks: number;
	/** what of its record cannot be read */
	damage: string[];
}

/** @param own the id of this host; @param only one of them. @throws DISPATCH_NO_SUCH_HOST */
export async function viewHosts(store: Store, own: string, only?: string): Promise<HostView[]> {
	if (only !== undefined) await requireHost(store, only);
	const hosts = await listHosts(store, only === undefined ? undefined : [only]);
	return hosts.map((each) => viewOfHost(each, own));
}

/** @throws DISPATCH_NO_SUCH_HOST */
async function requireHost(store: Store, host: string): Promise<void> {
	const names = await hostNames(store);
	if (names.includes(host)) return;
	throw new DispatchError("DISPATCH_NO_SUCH_HOST", `There is no host "${cutText(host, 63)}".`, {
		hint: names.length === 0 ? "`dispatch up` starts one here." : "`dispatch hosts` lists them.",
	});
}

function viewOfHost(
	{ host, state, since, record, damage, gates, open, live }: ListedHost,
	own: string,
): HostView {
	const { running, concurrency, drain } = record;
	return {
		host,
		here: host === own,
		state,
		since: since === null ? null : new Date(since).toISOString(),
		drained: drain && { by: cutText(drain.by, MESSAGE_CHARS), at: new Date(drain.at).toISOString() },
		draining: record.draining ?? false,
		home: record.home,
		pid: record.pid,
		places: running === null || concurrency === null ? null : { used: running, all: concurrency },
		maxAgents: record.maxAgents,
		liveAgents: live,
		backends: record.backends,
		holds: gates.map(({ backend, model, kind, until, message }) => ({
			backend,
			model,
			kind,
			until: until === null ? null : new Date(until).toISOString(),
			message: cutText(message, MESSAGE_CHARS),
		})),
		clockOffsetMs: record.clockOffset,
		version: record.version,
		openTasks: open,
		damage,
	};
}

/**
 * Nothing new starts at a host until `on` is false again; what runs there goes on. Kept while its worker is away.
 * @throws DISPATCH_NO_SUCH_HOST
 */
export async function drainHost(
	store: Store,
	host: string,
	{ on, by, own }: { on: boolean; by: string; own: string },
): Promise<HostView> {
	await requireHost(store, host);
	await setDrain(store, host, { on, by });
	return (await viewHosts(store, own, host))[0] as HostView;
}

/**
 * Takes a host out of the list that is gone and has no task that has not ended.
 * @throws DISPATCH_NO_SUCH_HOST, DISPATCH_HOST_IN_USE
 */
export async function forgetHost(store: Store, host: string): Promise<void> {
	await requireHost(store, host);
	const removal = await removeHost(store, host);
	if (removal.result === "alive")
		throw new DispatchError("DISPATCH_HOST_IN_USE", `A worker runs on ${host}, or did a moment ago.`, {
			hint: "`dispatch down` stops it there; a host that died is gone after 45 seconds.",
		});
	if (removal.result === "open") {
		const tasks = removal.open === 1 ? "1 task" : `${removal.open} tasks`;
		throw new DispatchError("DISPATCH_HOST_IN_USE", `${host} has ${tasks} that did not end.`, {
			hint: `See them with \`dispatch ls --host ${host}\`. Take each over (dispatch retry ID --here), or end all: dispatch cancel --host ${host} --yes`,
		});
	}
}

const LOOK_MS = 500;

export type DrainEnd =
	/** it has taken note, or is away, and no agent works or asks there */
	| { kind: "drained"; view: HostView }
	| { kind: "resumed" }
	/** `seen` at the last look; null: Redis did not answer */
	| { kind: "timedOut"; seen: Seen | null }
	| { kind: "interrupted" };

interface Seen {
	view: HostView;
	/** agents that work or ask there */
	live: number;
}

interface DrainOptions {
	/** the id of this host */
	own: string;
	/** null: no limit. However short it is, there is one look */
	timeoutMs: number | null;
	/** ends the wait, as soon as it is aborted */
	signal: AbortSignal;
	/** is called with each look that was not the last */
	told(seen: Seen): void;
}

/**
 * Waits until a drained host has taken note and no agent works or asks there. A Redis that is away only delays it, and
 * so does a worker that is started anew.
 * @param store role `service`: its calls wait out an outage
 * @throws DISPATCH_HOST_GONE where agents were left on a host without a worker, DISPATCH_NO_SUCH_HOST
 */
export async function untilDrained(store: Store, host: string, options: DrainOptions): Promise<DrainEnd> {
	const { timeoutMs, signal } = options;
	const limit = timeLimit(timeoutMs === null ? null : Math.max(timeoutMs, ONE_LOOK_MS), signal);
	try {
		return await lookUntilDrained(store, host, options, limit.signal);
	} finally {
		limit.release();
	}
}

async function lookUntilDrained(
	store: Store,
	host: string,
	{ own, timeoutMs, signal, told }: DrainOptions,
	limit: AbortSignal,
): Promise<DrainEnd> {
	const until = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
	// The first look is believed. Later on every heartbeat may be old, since Redis was away; see `HostWatch`.
	let awaySince: number | null = Number.NEGATIVE_INFINITY;
	let seen: Seen | null = null;
	for (;;) {
		const look = () => lookAtDrained(store, host, own);
		const begunAt = performance.now();
		const looked = await orAborted(unlessAway(look()), limit);
		if (looked !== "aborted" && looked !== "away") {
			const { view, live } = looked;
			if (!view.drained) return { kind: "resumed" };
			seen = looked;
			awaySince = isWithoutWorker(view) ? (awaySince ?? performance.now()) : null;
			const isAway = awaySince !== null && performance.now() - awaySince >= BELIEVED_MS;
			if (isAway && live > 0) throw leftThere(host, live);
			if (live === 0 && (isAway || hasTakenNote(view))) return { kind: "drained", view };
			told(looked);
		} else if (looked === "away" || performance.now() - begunAt >= ONE_LOOK_MS) seen = null;
		if (signal.aborted) return { kind: "interrupted" };
		const leftMs = until - performance.now();
		if (limit.aborted || leftMs <= 0) return { kind: "timedOut", seen };
		await sleep(Math.min(LOOK_MS, leftMs), undefined, { signal: limit }).catch(() => {});
	}
}

/** The host's own word is as old as its last beat: where it alone is waited for, it is asked for a new one. */
async function lookAtDrained(store: Store, host: string, own: string): Promise<Seen> {
	const live = await store.liveCount(host);
	const view = (await viewHosts(store, own, host))[0] as HostView;
	if (live === 0 && !hasTakenNote(view)) await wakeHost(store, host);
	return { view, live };
}

function isWithoutWorker({ state }: HostView): boolean {
	return state === "gone" || state === "stopped" || state === "unknown";
}

/** A worker there says that it starts nothing, and that nothing works. */
function hasTakenNote(view: HostView): boolean {
	return !isWithoutWorker(view) && view.draining && !view.places?.used;
}

function leftThere(host: string, live: number): DispatchError {
	return new DispatchError(
		"DISPATCH_HOST_GONE",
		`No worker runs on ${host}, and ${live === 1 ? "1 agent was" : `${live} agents were`} left there.`,
		{ hint: `It stays drained. Its tasks: dispatch ls --host ${host}` },
	);
}
