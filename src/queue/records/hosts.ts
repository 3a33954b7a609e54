/** Hosts: a claim on the id, and a heartbeat that says how full it is. */
import { setTimeout as sleep } from "node:timers/promises";
import { livesBy } from "../../process/identity.ts";
import { object, soundOrNull, text, time } from "../../task/check.ts";
import { DispatchError } from "../../task/errors.ts";
import { HOST_GONE_MS, type HostBackend } from "../../task/host.ts";
import { toJson } from "../../task/well-formed.ts";
import type { Store } from "./store.ts";

/** What a host says with every beat. */
export interface Beat {
	homeId: string;
	home: string;
	pid: number;
	running: number;
	concurrency: number;
	/** how many agents may live at once */
	maxAgents?: number;
	/** it starts nothing more */
	draining?: boolean;
	/** of dispatch */
	version?: string;
	backends?: readonly HostBackend[];
	/** ms that its clock is before that of Redis */
	clockOffset?: number;
}

/** Who wants a host to start nothing new, and since when. Kept until `resume`, whatever its worker does. */
export interface Drain {
	by: string;
	/** ms since the Unix epoch, by Redis */
	at: number;
}

export const checkDrain = object<Drain>({ by: text, at: time });

/** Nothing new starts at a host from now on, or something may again; its worker follows in a moment. */
export async function setDrain(
	store: Store,
	host: string,
	drain: { on: boolean; by: string },
): Promise<void> {
	await store.run("drainHost", { host, ...drain });
}

/** Has its worker say how it is now, and not with its next beat. A hint, which may be lost. */
export async function wakeHost(store: Store, host: string): Promise<void> {
	await store.guard((client) => client.publish(store.keys.wake, `host ${host}`));
}

/** null: it may start tasks; also where what stands there is damaged */
export async function drainOf(store: Store, host: string): Promise<Drain | null> {
	return readDrain(await store.guard((client) => client.hget(store.keys.host(host), "drain")));
}

function readDrain(json: string | null | undefined): Drain | null {
	return json ? soundOrNull(checkDrain, json) : null;
}

/** What a host last said of itself. */
interface HostWord {
	/** it has a worker, as far as it knows */
	serves: boolean;
	draining: boolean;
	drain: Drain | null;
	/** null: an earlier version, which does not say */
	concurrency: number | null;
	maxAgents: number | null;
	/** places that are taken; null: it does not say */
	running: number | null;
}

/** Which directory on which running kernel it is, and which process (`ownIdentity`) serves it. */
export interface HostPlace {
	homeId: string;
	place: string;
	holder: string;
}

/** A living host beats more often. */
const WATCH_MS = 15_000;
const LOOK_MS = 500;
/** Longer than a worker takes to leave, once it has let its directory go. */
const LEAVING_MS = 3_000;

type Claim =
	| { won: true }
	| { won: false; by: "directory" }
	| { won: false; by: "process"; holder: string }
	| { won: false; by: "copy"; beatAt: string; home: string };

/**
 * Claims the host id for this state directory: two directories with one id, or two copies of one directory, would
 * run each other's tasks, as would two processes of one. Takes a while where a copy has beaten a moment ago: whether it
 * still does is looked at; and where the process that has it still lives: it may be leaving.
 * @throws DISPATCH_ALREADY_RUNNING when a live host of another directory, or another process of this one, has the id,
 * DISPATCH_OTHER_WRITER when a copy has it
 */
export async function claimHost(store: Store, host: string, own: HostPlace): Promise<void> {
	const claim = (known: { silentSince?: string | undefined; gone?: string }) =>
		store.run<Claim>("claimHost", { host, ...own, ...known, goneMs: HOST_GONE_MS });
	let claimed = await claim({});
	if (!claimed.won && claimed.by === "copy")
		claimed = await claim({ silentSince: await silent(store, host, claimed.beatAt) });
	if (!claimed.won && claimed.by === "process") {
		await requireGone(claimed.holder);
		claimed = await claim({ gone: claimed.holder });
	}
	if (claimed.won) return;
	if (claimed.by === "copy")
		throw new DispatchError(
			"DISPATCH_OTHER_WRITER",
			`Another copy of this state directory, on this machine or on a clone of it, runs as host "${host}" (${claimed.home}).`,
			{
				hint: "Remove home-id and host-id from one of the two while its worker is down: it is a host of its own then.",
			},
		);
	throw new DispatchError(
		"DISPATCH_ALREADY_RUNNING",
		`Another state directory runs as host "${host}" in namespace "${store.namespace}".`,
		{
			hint: "Give this one its own id: DISPATCH_HOST_ID, or the file host-id in the state directory.",
		},
	);
}

/** @throws DISPATCH_ALREADY_RUNNING */
async function requireGone(holder: string): Promise<void> {
	for (const until = performance.now() + LEAVING_MS; ; await sleep(LOOK_MS)) {
		const pid = livesBy(holder);
		if (pid === null) return;
		if (performance.now() < until) continue;
		throw new DispatchError(
			"DISPATCH_ALREADY_RUNNING",
			`A worker of this state directory runs already: process ${pid}.`,
			{
				hint: `\`dispatch down\` stops it; if that does not find it, \`kill ${pid}\` does. Its agents run on.`,
			},
		);
	}
}

/** @returns the beat after which none came; undefined: it goes on */
async function silent(store: Store, host: string, beatAt: string): Promise<string | undefined> {
	for (const until = performance.now() + WATCH_MS; performance.now() < until; await sleep(LOOK_MS)) {
		const now = await store.guard((client) => client.hget(store.keys.host(host), "beatAt"));
		if (now !== beatAt) return undefined;
	}
	return beatAt;
}

/** @returns false: another place or process has taken the id meanwhile */
export async function beat(
	store: Store,
	host: string,
	{ backends, ...state }: Beat,
	own?: Pick<HostPlace, "place" | "holder">,
): Promise<boolean> {
	const told = { ...state, ...(backends && { backends: toJson(backends) }) };
	const { mine } = await store.run<{ mine: boolean }>("beat", { host, state: told, ...own });
	return mine;
}

/** In one round trip; in the order of `hosts`. */
export async function hostWords(store: Store, hosts: readonly string[]): Promise<HostWord[]> {
	const pipeline = store.client.pipeline();
	for (const host of hosts)
		pipeline.hmget(
			store.keys.host(host),
			"beatAt",
			"draining",
			"concurrency",
			"maxAgents",
			"drain",
			"running",
		);
	return (await store.replies(pipeline)).map((values) => {
		const [beatAt, draining, concurrency, maxAgents, drain, running] = (values ?? []) as (string | null)[];
		const serves = Number(beatAt) > 0;
		const limits = {
			concurrency: limitOf(concurrency),
			maxAgents: limitOf(maxAgents),
			running: running === "0" ? 0 : limitOf(running),
		};
		return { serves, draining: draining === "true", drain: readDrain(drain), ...limits };
	});
}

/** Anybody may have written it. */
function limitOf(text: string | null | undefined): number | null {
	return /^[1-9]\d{0,5}$/.test(text ?? "") ? Number(text) : null;
}

/** Marks the host as stopped at once, so that nobody waits for its heartbeat to grow old. */
export async function leave(
	store: Store,
	host: string,
	own: Pick<HostPlace, "place" | "holder">,
): Promise<void> {
	const key = store.keys.host(host);
	const [leftAt, [place, holder]] = await Promise.all([
		store.now(),
		store.guard((client) => client.hmget(key, "place", "holder")),
	]);
	if ((place ?? own.place) !== own.place || (holder ?? own.holder) !== own.holder) return;
	await store.guard((client) => client.hset(key, { beatAt: 0, leftAt, holder: "" }));
}

/** @returns the state directory that last beat under this id; null: none that can be known */
export async function homeIdOf(store: Store, host: string): Promise<string | null> {
	return (await store.guard((client) => client.hget(store.keys.host(host), "homeId"))) ?? null;
}
