import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { checkPolicy, readSettings } from "../../src/queue/redis/settings.ts";
import { startTestRedis } from "../redis.ts";

interface Service {
	image: string;
	command: string[];
	ports: string[];
	volumes: string[];
	healthcheck: { test: string[] };
	environment: Record<string, string>;
}

const PASSWORD = "0123456789abcdef";
/** As compose does it; `:?` refuses to go on without a value. */
const filled = (word: string) => word.replace(/\$\{DISPATCH_REDIS_PASSWORD(?::\?[^}]*)?\}/, PASSWORD);

const compose = parse(readFileSync(join(import.meta.dirname, "../../docker-compose.yml"), "utf8")) as {
	services: { redis: Service };
	volumes: Record<string, unknown>;
};
const { redis } = compose.services;

test("the Redis of docker-compose.yml keeps its data and is reachable from this machine only", () => {
	expect(redis.ports).toEqual(["127.0.0.1:6379:6379"]);
	const [volume, mount] = (redis.volumes[0] ?? "").split(":");
	expect(mount).toBe("/data");
	expect(Object.keys(compose.volumes)).toContain(volume);
	expect(redis.healthcheck.test.join(" ")).toContain("redis-cli ping");
});

test("its command line, given to a real server, makes one that dispatch takes", async () => {
	const [program, ...words] = redis.command;
	expect(program).toBe("redis-server");
	const server = await startTestRedis({ settings: words.map(filled) });
	onTestFinished(() => server.stop());
	const client = new Redis({ path: server.socketPath, password: PASSWORD });
	onTestFinished(() => client.disconnect());
	expect(await client.config("GET", "appendonly")).toEqual(["appendonly", "yes"]);
	expect(await client.config("GET", "appendfsync")).toEqual(["appendfsync", "always"]);
	expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
	expect(checkPolicy(await readSettings(client), "compose")).toBeNull();
});

test("it has a password that nobody can leave out", async () => {
	expect(redis.command.at(-2)).toBe("--requirepass");
	expect(redis.command.at(-1)).toMatch(/^\$\{DISPATCH_REDIS_PASSWORD:\?.+\}$/);
	expect(filled(redis.environment.REDISCLI_AUTH ?? "")).toBe(PASSWORD);
	const server = await startTestRedis({ settings: redis.command.slice(1).map(filled) });
	onTestFinished(() => server.stop());
	const stranger = new Redis({ path: server.socketPath, lazyConnect: true, enableReadyCheck: false });
	onTestFinished(() => stranger.disconnect());
	await expect(stranger.get("x")).rejects.toThrow(/NOAUTH/);
});
