/** Hosts as `--json` shows them. */
import { hostNames, type ListedHost, listHosts } from "../queue/records/host-list.ts";
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
	const { running, concurrency } = record;
	return {
		host,
		here: host === own,
		state,
		since: since === null ? null : new Date(since).toISOString(),
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
