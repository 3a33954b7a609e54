/**
 * Gates: while a backend of a host (or one of its models) is held, none of its tasks starts there. One hash
 * per host, a field per gate. A limit or an outage holds until a time; a login or an account that failed
 * twice in a row holds until it is mended. Opened by its end, by a good run, or by a person
 * (`dispatch doctor --fix`). Tasks stay queued, those of other backends go on.
 */
import { agentOf, gatedBy, type TaskRecord } from "../../task/record.ts";
import { madeAt } from "./made-at.ts";
import type { Store } from "./store.ts";

/** One failure may be the task's own affair; two in a row are the backend's. */
const FAILURES_TO_HOLD = 2;
/** No limit lasts longer; what says otherwise was not written by us. */
const LONGEST_HOLD_MS = 40 * 86_400_000;

const PASSING = ["rate_limited", "unavailable"] as const;
const LASTING = ["auth", "billing"] as const;
const KINDS: readonly string[] = [...PASSING, ...LASTING];

export interface Gate {
	kind: (typeof PASSING)[number] | (typeof LASTING)[number];
	backend: string;
	/** null: all of the backend's */
	model: string | null;
	/** ms since the Unix epoch; null: until it is released */
	until: number | null;
	/** what the CLI said */
	message: string;
	/** in a row */
	failures: number;
	/** closed since, ms since the Unix epoch */
	since: number;
}

/** Whose gates they are: a task's backend and model (null: what the CLI takes by itself). */
export interface Gated {
	host: string;
	backend: string;
	model: string | null;
}

type Closing = Pick<Gate, "kind" | "backend" | "model" | "until" | "message">;

function close(store: Store, host: string, gate: Closing): Promise<Gate> {
	const field = gate.model === null ? gate.backend : `${gate.backend} | ${gate.model}`;
	const made = madeAt(store.clock);
	return store.run("holdGate", { host, backend: field, gate: { ...gate, made }, longest: LONGEST_HOLD_MS });
}

/**
 * Closes a gate until a time.
 * @param limited the model that the service named: `""` the one in use, null none: then the whole backend
 * @returns the gate as it stands now
 */
export function holdUntil(
	store: Store,
	{ host, backend, model }: Gated,
	hold: { kind: (typeof PASSING)[number]; until: number; message: string; limited: string | null },
): Promise<Gate> {
	const { limited, ...rest } = hold;
	const isOwn = limited !== null && limited !== "" && isOf(limited, model);
	const of = limited === null ? null : isOwn ? limited : (model ?? DEFAULT_MODEL);
	// A later end is kept: one that cannot be would take the place of all that come.
	const until = Math.min(hold.until, store.clock.now() + LONGEST_HOLD_MS);
	return close(store, host, { ...rest, until, backend, model: of });
}

/** Counts a failed login, or an account with nothing left; from the second in a row on the gate is closed. */
export function noteLasting(
	store: Store,
	{ host, backend }: Gated,
	kind: (typeof LASTING)[number],
	message: string,
): Promise<Gate> {
	return close(store, host, { kind, backend, model: null, until: null, message });
}

/**
 * A run was good: what had refused before it began, or was away, is there again.
 * @param startedAt of the run, ms since the Unix epoch
 * @returns whether a closed gate was opened
 */
export async function openAfterSuccess(store: Store, gated: Gated, startedAt: number): Promise<boolean> {
	// By a clock that was set back since, it has still to begin.
	const isUnknown = startedAt > store.clock.now();
	const passed = (await all(store, gated.host)).filter(
		([, gate]) =>
			concerns(gate, gated) && !(gate.kind === "rate_limited" && (isUnknown || gate.since >= startedAt)),
	);
	const opened = passed.some(([, gate]) => isClosed(gate, store.clock.now()));
	await open(store, gated, passed, { wakes: opened });
	return opened;
}

/** A person lifts a hold. @returns whether one was there */
export async function release(
	store: Store,
	host: string,
	gate: Pick<Gate, "backend" | "model">,
): Promise<boolean> {
	const found = (await all(store, host)).filter(
		([, each]) => each.backend === gate.backend && each.model === gate.model,
	);
	await open(store, { host, ...gate }, found, { wakes: true });
	return found.length > 0;
}

/**
 * Every task of a host that a closed gate or the day's budget holds looks again at once, since the config may say
 * otherwise by now (a higher budget, a fallback). Whose reason is still there is held again.
 */
export async function lookAgain(store: Store, host: string): Promise<void> {
	const gates = await closedGates(store, host);
	const records = await store.getMany(await store.activeIds(host));
	const tasks = records.filter((record) => isHeldWithOthers(record, gates)).map(named);
	if (tasks.length > 0) await store.run("openGates", { host, fields: [], tasks });
}

/** Not by a wait of its own: a delay, a backoff, a refusal that nobody else has seen. */
function isHeldWithOthers(record: TaskRecord, gates: readonly Gate[]): boolean {
	const { state, hold } = record;
	return state === "queued" && (hold?.kind === "budget" || isHeldByGate(record, gates));
}

/** @param gates closed ones of its host */
export function isHeldByGate(record: TaskRecord, gates: readonly Gate[]): boolean {
	const { state, hold } = record;
	if (state !== "queued" || hold === null || !KINDS.includes(hold.kind)) return false;
	return gates.some((gate) => concerns(gate, gatedBy(record)) && endOf(gate) >= endOf(hold));
}

const endOf = ({ until }: { until: number | null }) => until ?? Number.POSITIVE_INFINITY;

const named = ({ spec, generation }: TaskRecord) => ({ id: spec.id, generation });

/** `wakes`: tasks that wait for one of them look again at once, and those of another held backend, which may fall back on this one. */
async function open(
	store: Store,
	{ host, backend }: Gated,
	gates: readonly [string, Gate][],
	{ wakes }: { wakes: boolean },
): Promise<void> {
	if (gates.length === 0) return;
	const tasks = wakes ? await heldBy(store, host, backend) : [];
	await store.run("openGates", { host, fields: gates.map(([field]) => field), tasks });
}

async function heldBy(
	store: Store,
	host: string,
	backend: string,
): Promise<{ id: string; generation: number }[]> {
	const gates = await closedGates(store, host);
	const records = await store.getMany(await store.activeIds(host));
	return records
		.filter((record) => {
			const { state, hold } = record;
			if (state !== "queued" || hold === null || !KINDS.includes(hold.kind)) return false;
			return agentOf(record).backend === backend || isHeldByGate(record, gates);
		})
		.map(named);
}

/** The gate that holds such a task: of several the one that ends last. */
export async function closedGate(store: Store, gated: Gated): Promise<Gate | null> {
	return gateFor(await closedGates(store, gated.host), gated);
}

/** @param gates closed ones of its host. @returns that which holds it; of several the one that ends last */
export function gateFor(gates: readonly Gate[], gated: Omit<Gated, "host">): Gate | null {
	return gates.filter((gate) => concerns(gate, gated)).sort((a, b) => endOf(b) - endOf(a))[0] ?? null;
}

/** All closed gates of a host. */
export async function closedGates(store: Store, host: string): Promise<Gate[]> {
	const now = store.clock.now();
	return (await all(store, host)).map(([, gate]) => gate).filter((gate) => isClosed(gate, now));
}

const DEFAULT_MODEL = "default";

/** Whether a limit's model is a task's: "opus" is that of `claude-opus-4-5`, too. */
function isOf(limited: string, model: string | null): boolean {
	return (model ?? DEFAULT_MODEL).toLowerCase().includes(limited.toLowerCase());
}

function concerns(gate: Gate, { backend, model }: Omit<Gated, "host">): boolean {
	return gate.backend === backend && (gate.model === null || isOf(gate.model, model));
}

function isClosed({ kind, failures, until }: Gate, now: number): boolean {
	if (until === null) return (LASTING as readonly string[]).includes(kind) && failures >= FAILURES_TO_HOLD;
	return until > now && until - now <= LONGEST_HOLD_MS;
}

async function all(store: Store, host: string): Promise<[string, Gate][]> {
	const fields = await store.guard((client) => client.hgetall(store.keys.gates(host)));
	return Object.entries(fields).flatMap(([field, text]): [string, Gate][] => {
		const gate = decode(field, text);
		return gate === null ? [] : [[field, gate]];
	});
}

/** null for what is no gate: anybody may write to a shared Redis, and one bad field must not stop a host. */
function decode(field: string, text: string): Gate | null {
	try {
		const { kind, until, message, failures, since, model, backend } = JSON.parse(text) as Record<
			string,
			unknown
		>;
		if (typeof kind !== "string" || !KINDS.includes(kind)) return null;
		if (until !== null && typeof until !== "number") return null;
		return {
			kind: kind as Gate["kind"],
			// Gates of earlier versions name their backend by the field only.
			backend: typeof backend === "string" ? backend : field,
			model: typeof model === "string" ? model : null,
			until: until ?? null,
			message: typeof message === "string" ? message : "",
			failures: typeof failures === "number" ? failures : 1,
			since: typeof since === "number" ? since : 0,
		};
	} catch {
		return null;
	}
}
