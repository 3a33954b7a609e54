/** Hosts: a claim on the id, and a heartbeat that says how full it is. */
import { setTimeout as sleep } from "node:timers/promises";
import { workerAt } from "../../process/writer-mark.ts";
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

/** What is known of whoever else has the id: the last beat of a place that beats no more, a word that names no worker. */
interface Known {
	silentSince?: string | undefined;
	gone?: string;
}

/**
 * Claims the host id for this state directory: two directories with one id, or two copies of one directory, would
 * run each other's tasks, as would two processes of one. Takes a while where a copy has beaten a moment ago: whether it
 * still does is looked at; and where the process that has it still lives: it may be leaving.
 * @throws DISPATCH_ALREADY_RUNNING when a live host of another directory, or another process of this one, has the id,
 * DISPATCH_OTHER_WRITER when a copy has it
 */
export async function claimHost(store: Store, host: string, own: HostPlace): Promise<void> {
	const ask = (known: Known) =>
		store.run<Claim>("claimHost", { host, ...own, ...known, goneMs: HOST_GONE_MS });
	const claimed = await claim(store, host, ask, (holder) => isGone(holder, own.place));
	if (claimed.won) return;
	if (claimed.by === "copy")
		throw new DispatchError(
			"DISPATCH_OTHER_WRITER",
			`Another copy of this state directory, on this machine or on a clone of it, runs as host "${host}" (${claimed.home}).`,
			{
				hint: "While its worker is down, remove home-id, host-id and daemon.json from one of the two: it is a host of its own then.",
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

/**
 * What Redis says of the holder decides only where that is there: the kernel's lock, which who asks has, keeps all
 * others of this machine away from the directory. Anybody may have written the word, or it is of a Redis that went back.
 */
async function claim(
	store: Store,
	host: string,
	ask: (known: Known) => Promise<Claim>,
	isNobody: (holder: string) => Promise<boolean> | boolean,
): Promise<Claim> {
	let claimed = await ask({});
	if (!claimed.won && claimed.by === "copy") {
		const silentSince = await silent(store, host, claimed.beatAt);
		claimed = await ask({ silentSince });
	}
	// Again and again, where somebody writes one such word after the other.
	while (!claimed.won && claimed.by === "process" && (await isNobody(claimed.holder)))
		claimed = await ask({ gone: claimed.holder });
	return claimed;
}

/** @throws DISPATCH_ALREADY_RUNNING */
async function isGone(holder: string, place: string): Promise<true> {
	for (const until = performance.now() + LEAVING_MS; ; await sleep(LOOK_MS)) {
		const pid = workerAt(place, holder);
		if (pid === null) return true;
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

/**
 * Takes a while where another place has beaten a moment ago: whether it still does is looked at.
 * @param told the id is claimed anew from this one, which is no worker of this place
 * @returns false: another place, or process of this one, has taken the id meanwhile
 */
export async function beat(
	store: Store,
	host: string,
	{ backends, ...state }: Beat,
	own?: Pick<HostPlace, "place" | "holder">,
	told: (from: string) => void = () => {},
): Promise<boolean> {
	const said = { ...state, ...(backends && { backends: toJson(backends) }) };
	const ask = async (known: Known) => {
		const claimed = await store.run<Claim>("beat", {
			...{ host, state: said, goneMs: HOST_GONE_MS },
			...own,
			...known,
		});
		if (claimed.won && known.gone !== undefined) told(known.gone);
		return claimed;
	};
	const isNobody = (holder: string) => own !== undefined && workerAt(own.place, holder) === null;
	return (await claim(store, host, ask, isNobody)).won;
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
