/** What a Redis server tells of itself, for `dispatch doctor`. Nothing is started and nothing is written. */

import type { TLSSocket } from "node:tls";
import type { Redis } from "ioredis";
import { readAddress } from "../../task/address.ts";
import type { DispatchError } from "../../task/errors.ts";
import { certificateIn } from "./certificates.ts";
import { closeRedis, connect, type RedisTarget } from "./connect.ts";
import { refusalOf } from "./refusal.ts";
import type { ServerSettings } from "./settings.ts";

const PINGS = 11;
const NOBODYS_KEY = "{dispatch}:room";

export interface RedisFacts extends ServerSettings {
	/** `7.2.4`; null where the server does not tell */
	version: string | null;
	/** ms, the middle one of eleven PINGs */
	pingMs: number;
	/** ms by which this host's clock is ahead of the server's */
	clockAheadMs: number;
	/** of a connection by TLS */
	certificates: SeenCertificate[];
	/** why it takes no writes though it answers; null: it takes them */
	refusal: DispatchError | null;
}

export interface SeenCertificate {
	/** a file of ours, or `the server` */
	of: string;
	/** ms since the Unix epoch */
	until: number;
}

/** @throws DISPATCH_REDIS_UNREACHABLE */
export async function inspectRedis(target: RedisTarget): Promise<RedisFacts> {
	const { client, settings } = await connect(target, "command");
	try {
		const info = await client.info("server").catch(() => "");
		const times: number[] = [];
		for (let count = 0; count < PINGS; count++) {
			const begun = performance.now();
			await client.ping();
			times.push(performance.now() - begun);
		}
		const before = Date.now();
		const [seconds, micros] = await client.time();
		const here = (before + Date.now()) / 2;
		return {
			version: /^redis_version:(\S+)/m.exec(info)?.[1] ?? null,
			...settings,
			pingMs: times.sort((a, b) => a - b)[Math.floor(PINGS / 2)] ?? 0,
			certificates: certificatesOf(client, target),
			refusal: await refusalOf(client, NOBODYS_KEY, target),
			clockAheadMs: here - (Number(seconds) * 1_000 + Number(micros) / 1_000),
		};
	} finally {
		await closeRedis(client);
	}
}

function certificatesOf(client: Redis, { url }: RedisTarget): SeenCertificate[] {
	if (url === undefined || !url.startsWith("rediss")) return [];
	const stream = client.stream as TLSSocket | undefined;
	const server = stream?.getPeerCertificate?.().valid_to;
	const own = readAddress(url).parameter("certfile");
	const until = own === null ? undefined : certificateIn(own)?.validTo;
	return [
		{ of: "the server", date: server },
		{ of: own ?? "", date: until },
	].flatMap(({ of, date }) => (date === undefined ? [] : [{ of, until: Date.parse(date) }]));
}
