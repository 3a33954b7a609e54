/** What a Redis server tells of itself, for `dispatch doctor`. Nothing is started and nothing is written. */
import { closeRedis, connect, type RedisTarget } from "./connect.ts";
import type { ServerSettings } from "./settings.ts";

const PINGS = 11;

export interface RedisFacts extends ServerSettings {
	/** `7.2.4`; null where the server does not tell */
	version: string | null;
	/** ms, the middle one of eleven PINGs */
	pingMs: number;
	/** ms by which this host's clock is ahead of the server's */
	clockAheadMs: number;
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
			clockAheadMs: here - (Number(seconds) * 1_000 + Number(micros) / 1_000),
		};
	} finally {
		await closeRedis(client);
	}
}
