/** Hosts as `--json` shows them, and what is asked of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { hostNames, type ListedHost, listHosts } from "../queue/records/host-list.ts";
import { setDrain } from "../queue/records/hosts.ts";
import type { Store } from "../queue/records/store.ts";
import { cutText } from "../task/cut-text.ts";
import { DispatchError } from "../task/errors.ts";
import type { HostBackend, HostState } from "../task/host.ts";

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

function viewOfHost({ host, state, since, record, damage, gates, open }: ListedHost, own: string): HostView {
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

const LOOK_MS = 500;

/**
 * Waits until a drained host has taken note and no agent works or asks there.
 * @param told is called with each look's number of agents that live there
 * @returns null: it was resumed meanwhile, or `signal` was aborted
 * @throws DISPATCH_HOST_GONE where agents were left on a host without a worker
 */
export async function untilDrained(
	store: Store,
	host: string,
	{ own, signal, told }: { own: string; signal: AbortSignal; told: (view: HostView, live: number) => void },
): Promise<HostView | null> {
	for (;;) {
		const live = await store.liveIds(host);
		const [view] = await viewHosts(store, own, host);
		if (signal.aborted || !view?.drained) return null;
		const isAway = view.state === "gone" || view.state === "stopped" || view.state === "unknown";
		if (isAway && live.length > 0)
			throw new DispatchError(
				"DISPATCH_HOST_GONE",
				`No worker runs on ${host}, and ${live.length === 1 ? "1 agent was" : `${live.length} agents were`} left there.`,
				{ hint: `It stays drained. Its tasks: dispatch ls --host ${host}` },
			);
		if (live.length === 0 && (isAway || (view.draining && !view.places?.used))) return view;
		told(view, live.length);
		await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
	}
}
