/** Why tasks wait: what is known of their hosts, put together with what is known of themselves. */
import { closedGates, type Gate, gateFor } from "../queue/records/gates.ts";
import { hostWords } from "../queue/records/hosts.ts";
import { limitsHolding } from "../queue/records/limited.ts";
import type { Store } from "../queue/records/store.ts";
import { refusalOf } from "../queue/redis/refusal.ts";
import { oneLine } from "../task/clean-text.ts";
import { isState, type State } from "../task/states.ts";
import type { TaskView } from "../task/view.ts";
import { type HostFacts, type KnownStates, waitOf } from "../task/view-why.ts";
import type { Wait } from "../task/wait.ts";
import type { Told } from "./unsigned.ts";
import { asHeld } from "./views.ts";

/** Of who drained a host. */
const BY_CHARS = 60;

/** This host, and what it knows of its own worker. */
export type Here = Pick<HostFacts, "host" | "worker" | "pid" | "instead">;

/**
 * The views with `waits`. Redis is asked only where one of them stands in a line. Of a task of this host its own
 * worker tells, also where nobody has seen that worker for long: a hold that says so is for other hosts.
 * @param refused those that this host will not start
 * @param areAll all open tasks are among the views: nobody needs to be counted again
 */
export async function withWaits(
	store: Store,
	views: readonly TaskView[],
	here: () => Here,
	{ areAll = false, refused = new Map() }: { areAll?: boolean; refused?: ReadonlyMap<string, Told> } = {},
): Promise<TaskView[]> {
	const now = Date.now();
	const others = await neededStates(store, views);
	const told = ({ id }: TaskView) => {
		const found = refused.get(id);
		return found === undefined ? null : `${found.text} ${found.fix}.`;
	};
	const queued = views.filter(({ id, state }) => state === "queued" && !refused.has(id));
	if (queued.length === 0)
		return views.map((view) => ({ ...view, waits: waitOf(view, undefined, now, others, told(view)) }));
	const own = here();
	const bare = (view: TaskView) => (view.host === own.host ? asHeld(view) : view);
	const hosts = [...new Set(queued.filter((view) => dependsOnHost(bare(view), now)).map(({ host }) => host))];
	const facts = new Map<string, HostFacts>();
	const gates = new Map<string, readonly Gate[]>();
	if (hosts.length > 0) {
		const [refusal, words, live, limited, closed] = await Promise.all([
			refusalWords(store),
			hostWords(store, hosts),
			Promise.all(hosts.map((host) => (areAll ? countIn(views, host) : countOf(store, host)))),
			Promise.all(hosts.map((host) => limitsHolding(store, host))),
			// What cannot be read until its host has mended it keeps nobody from the rest.
			Promise.all(hosts.map((host) => closedGates(store, host).catch(() => []))),
		]);
		for (const [n, host] of hosts.entries()) {
			const {
				serves = false,
				draining = false,
				drain = null,
				concurrency = null,
				maxAgents = null,
				running = null,
			} = words[n] ?? {};
			const isHere = host === own.host;
			const told = serves ? (draining && drain === null ? "drains" : "up") : "none";
			const worker = isHere ? own.worker : told;
			const counted = live[n] ?? { working: 0, asking: 0 };
			facts.set(host, {
				host,
				isHere,
				worker: worker === "up" && drain !== null ? "drained" : worker,
				...(drain && { drainedBy: oneLine(drain.by, BY_CHARS) }),
				pid: isHere ? own.pid : null,
				instead: isHere ? (own.instead ?? null) : null,
				...counted,
				concurrency,
				maxAgents,
				taken: running,
				limited: limited[n] ?? new Map(),
				...(refusal && { refusal }),
			});
			gates.set(host, closed[n] ?? []);
		}
	}
	return views.map((view) => ({
		...view,
		waits:
			(facts.get(view.host)?.worker === "up" ? gated(bare(view), gates.get(view.host), now) : null) ??
			waitOf(bare(view), facts.get(view.host), now, others, told(view)),
	}));
}

/** While Redis takes no writes nothing is started, and nobody can write down why. */
async function refusalWords(store: Store): Promise<HostFacts["refusal"] | null> {
	const refused = await refusalOf(store.client, `${store.keys.prefix}:room`, store.target);
	if (refused === null) return null;
	const isFull = refused.code === "DISPATCH_REDIS_FULL";
	return {
		why: isFull ? "Redis is full" : "Redis takes no writes",
		text: `Waits until Redis takes writes again. ${oneLine(refused.inFull)}`,
	};
}

/** Behind a closed gate it waits for that, also where its turn has not come and no look has held it yet. */
function gated(view: TaskView, gates: readonly Gate[] = [], now: number): Wait | null {
	const gate = view.state === "queued" && dependsOnHost(view, now) ? gateFor(gates, view) : null;
	if (gate === null) return null;
	const until = gate.until === null ? null : new Date(gate.until).toISOString();
	return waitOf({ ...view, hold: { kind: gate.kind, until } }, undefined, now);
}

/** Nothing holds the task itself; and where nobody works, nothing is tried either. */
function dependsOnHost(view: TaskView, now: number): boolean {
	const waits = waitOf(view, undefined, now);
	return waits === null || (waits.kind === "trouble" && waits.until === null);
}

/** Of what waiting tasks wait for, as far as it is not among the views. */
async function neededStates(store: Store, views: readonly TaskView[]): Promise<KnownStates> {
	const states = new Map<string, State | "damaged">(views.map(({ id, state }) => [id, state]));
	const asked = [...new Set(views.flatMap(({ waitsFor }) => waitsFor))].filter((id) => !states.has(id));
	if (asked.length === 0) return states;
	for (const [n, [state]] of (await store.fieldsOf(asked, "state")).entries())
		states.set(asked[n] ?? "", isState(state) ? state : "damaged");
	return states;
}

type Counted = Pick<HostFacts, "working" | "asking">;

function counted(states: readonly string[]): Counted {
	const count = (wanted: string) => states.filter((state) => state === wanted).length;
	return { working: count("running"), asking: count("asking") };
}

function countIn(views: readonly TaskView[], host: string): Counted {
	return counted(views.filter((view) => view.host === host).map(({ state }) => state));
}

async function countOf(store: Store, host: string): Promise<Counted> {
	return counted([...(await store.liveBriefs(host)).values()].map(({ state }) => state));
}
