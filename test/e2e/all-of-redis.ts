import type { Redis } from "ioredis";

/** Everything in Redis, whatever its type. */
export async function allOfRedis(client: Redis): Promise<string> {
	const parts: unknown[] = [];
	for (const key of await client.keys("*")) {
		const type = await client.type(key);
		parts.push(key);
		if (type === "string") parts.push(await client.get(key));
		if (type === "hash") parts.push(await client.hgetall(key));
		if (type === "set") parts.push(await client.smembers(key));
		if (type === "zset") parts.push(await client.zrange(key, "0", "-1"));
		if (type === "list") parts.push(await client.lrange(key, 0, -1));
		if (type === "stream") parts.push(await client.xrange(key, "-", "+"));
	}
	return JSON.stringify(parts);
}
