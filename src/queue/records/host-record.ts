/**
 * What a host last said of itself, field by field of its hash in Redis. The host itself writes all of it anew with every
 * beat, but for `drain`, which a person sets. Anybody may have written anything there: a field that is none is damage,
 * is told, and stops nothing else.
 */
import {
	type Check,
	Damage,
	list,
	matching,
	nullable,
	number,
	object,
	oneOf,
	parsed,
	text,
	time,
} from "../../task/check.ts";
import { cutText } from "../../task/cut-text.ts";
import { HOST_GONE_MS, type HostBackend, type HostState, isFresh, LEFT_MS } from "../../task/host.ts";
import { NONCE, PATH } from "../../task/spec.ts";
import { checkDrain, type Drain } from "./hosts.ts";

/** A year more than this machine and Redis differ by is no clock. */
const MOST_OFFSET_MS = 100 * 365 * 86_400_000;
/** Two beats are missing. */
const SILENT_MS = 25_000;
const EARLIEST = Date.UTC(2020, 0);
const MOST_AGENTS = 1_000_000;
const PID_MAX = 2 ** 31 - 1;
const MOST_BACKENDS = 100;
const NAME_CHARS = 300;

export interface HostRecord {
	/** of its last beat, ms since the Unix epoch by Redis; 0: its worker was stopped; null: it never beat */
	beatAt: number | null;
	leftAt: number | null;
	homeId: string | null;
	/** its state directory */
	home: string | null;
	pid: number | null;
	/** places that are taken, and how many there are */
	running: number | null;
	concurrency: number | null;
	/** how many agents may live at once */
	maxAgents: number | null;
	/** it starts nothing more, for whatever reason */
	draining: boolean | null;
	/** of dispatch; null: an earlier one, which does not say */
	version: string | null;
	/** null: an earlier version, which does not say */
	backends: HostBackend[] | null;
	/** ms that its clock is before that of Redis; negative: behind it */
	clockOffset: number | null;
	drain: Drain | null;
}

const whole = (least: number, most: number): Check<number> => {
	const inRange = number(least, most);
	return (value, at) => {
		if (typeof value === "string" && /^-?\d{1,15}$/.test(value)) return inRange(Number(value), at);
		throw new Damage(`${at} is not a whole number`);
	};
};

const wholeTime: Check<number> = (value, at) => time(whole(0, Number.MAX_SAFE_INTEGER)(value, at), at);

const yesOrNo: Check<boolean> = (value, at) => oneOf(["true", "false"])(value, at) === "true";

const json =
	<T>(check: Check<T>): Check<T> =>
	(value, at) =>
		parsed(check, text(value, at), at);

const short =
	(most: number): Check<string> =>
	(value, at) =>
		cutText(text(value, at), most);

const backend = object<HostBackend>({
	name: short(NAME_CHARS),
	type: short(NAME_CHARS),
	found: nullable((value, at) => yesOrNo(String(value), at)),
	version: nullable(short(NAME_CHARS)),
});

const backends: Check<HostBackend[]> = (value, at) => {
	if (Array.isArray(value) && value.length > MOST_BACKENDS)
		throw new Damage(`${at} has over ${MOST_BACKENDS} entries`);
	return list(backend)(value, at);
};

const FIELDS: { readonly [K in keyof HostRecord]: Check<NonNullable<HostRecord[K]>> } = {
	beatAt: wholeTime,
	leftAt: wholeTime,
	homeId: NONCE,
	home: PATH,
	pid: whole(1, PID_MAX),
	running: whole(0, MOST_AGENTS),
	concurrency: whole(1, MOST_AGENTS),
	maxAgents: whole(1, MOST_AGENTS),
	draining: yesOrNo,
	version: matching(/^[\w.+-]{1,64}$/, "a version"),
	backends: json(backends),
	clockOffset: whole(-MOST_OFFSET_MS, MOST_OFFSET_MS),
	drain: json(checkDrain),
};

/** In the order in which `readHost` takes their values. */
export const HOST_FIELDS = Object.keys(FIELDS) as (keyof HostRecord)[];

/**
 * @param values of `HOST_FIELDS`; none where the key holds something else
 * @returns what is damaged is null, and said in `damage`
 */
export function readHost(values: readonly (string | null)[]): { record: HostRecord; damage: string[] } {
	const damage: string[] = values.length === 0 ? ["its key holds something else"] : [];
	const entries = HOST_FIELDS.map((name, n) => [name, values[n] ?? null] as const).map(([name, value]) => {
		if (value === null || value === "") return [name, null];
		try {
			return [name, FIELDS[name](value, name)];
		} catch (error) {
			if (!(error instanceof Damage)) throw error;
			damage.push(error.message);
			return [name, null];
		}
	});
	return { record: Object.fromEntries(entries) as HostRecord, damage };
}

/** What a host is, by what it said last. @param now the time of Redis */
export function hostState(
	{ beatAt, leftAt, draining, drain }: Pick<HostRecord, "beatAt" | "leftAt" | "draining" | "drain">,
	now: number,
): { state: HostState; since: number | null } {
	if (beatAt === null) return { state: "unknown", since: null };
	// What comes from the future, or from before there was dispatch, was not written by a host.
	const seenAt = beatAt === 0 ? (leftAt ?? 0) : beatAt;
	const since = seenAt > now || seenAt < EARLIEST ? null : seenAt;
	if (!isFresh(seenAt, now, beatAt === 0 ? LEFT_MS : HOST_GONE_MS)) return { state: "gone", since };
	if (beatAt === 0) return { state: "stopped", since };
	if (!isFresh(seenAt, now, SILENT_MS)) return { state: "silent", since };
	return { state: draining || drain !== null ? "draining" : "working", since: null };
}
