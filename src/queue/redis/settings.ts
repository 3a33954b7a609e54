/** What a server must be set to, since what it has acknowledged must stay. */
import type { Redis } from "ioredis";
import { DispatchError } from "../../task/errors.ts";

/** null where the server forbids CONFIG, or does not know the setting */
export interface ServerSettings {
	maxmemoryPolicy: string | null;
	appendonly: string | null;
}

/** Never rejects. */
export async function readSettings(client: Redis): Promise<ServerSettings> {
	let settings: Record<string, string> = {};
	try {
		const reply = (await client.config("GET", "maxmemory-policy", "appendonly")) as
			| string[]
			| Record<string, string>;
		settings = Array.isArray(reply) ? pairs(reply) : reply;
	} catch {
		// Nothing can be said then.
	}
	return {
		maxmemoryPolicy: settings["maxmemory-policy"] ?? null,
		appendonly: settings.appendonly ?? null,
	};
}

/**
 * @param shown the server's address, as it may be shown
 * @returns a warning when the server may lose acknowledged data
 * @throws DISPATCH_REDIS_POLICY when it may evict keys
 */
export function checkPolicy({ maxmemoryPolicy, appendonly }: ServerSettings, shown: string): string | null {
	if (maxmemoryPolicy !== null && maxmemoryPolicy !== "noeviction") {
		throw new DispatchError(
			"DISPATCH_REDIS_POLICY",
			`Redis at ${shown} may evict keys: maxmemory-policy is ${maxmemoryPolicy}.`,
			{
				hint: "Run `redis-cli CONFIG SET maxmemory-policy noeviction` (and put it into redis.conf), or use another server.",
			},
		);
	}
	if (appendonly !== "no") return null;
	return `Redis at ${shown} has no append-only file: a crash of it loses what it acknowledged since its last snapshot.`;
}

function pairs(list: string[]): Record<string, string> {
	const found: Record<string, string> = {};
	for (let i = 0; i + 1 < list.length; i += 2) found[list[i] as string] = list[i + 1] as string;
	return found;
}
