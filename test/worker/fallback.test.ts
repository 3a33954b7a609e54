import { afterAll, beforeAll, expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { holdUntil } from "../../src/queue/records/gates.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { fallbackOf, isFar } from "../../src/worker/fallback.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: { url: redis.url }, namespace: "fallback", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const config = emptyConfig();
config.backends.a = { name: "a", type: "claude", command: "a", modelFlag: true, permissions: null };
config.backends.b = { name: "b", type: "codex", command: "b", modelFlag: true, permissions: null };
config.models.opus = { backend: "a", id: null };
config.models.sonnet = { backend: "a", id: null };
config.models["gpt-5"] = { backend: "b", id: null };
config.fallback = ["sonnet", "gpt-5"];

const next = (model: string, backend: string) =>
	fallbackOf({ spec: specOf("t", { model, backend }), chosen: null, host: HOST }, config, store);

test("a far end, or the third refusal in a row, is not waited for", () => {
	const [now, minute] = [1_000_000, 60_000];
	expect(isFar({ until: now + 14 * minute }, 1, config, now)).toBe(false);
	expect(isFar({ until: now + 16 * minute }, 1, config, now)).toBe(true);
	expect(isFar({ until: now + minute }, 2, config, now)).toBe(false);
	expect(isFar({ until: now + minute }, 3, config, now)).toBe(true);
	expect(isFar({ until: null }, 1, config, now)).toBe(false);
});

test("the models of fallback: follow, each once, in order", async () => {
	expect(await next("opus", "a")).toMatchObject({ model: "sonnet", backend: "a" });
	expect(await next("sonnet", "a")).toMatchObject({ model: "gpt-5", backend: "b" });
	expect(await next("gpt-5", "b")).toBeNull();
});

test("one that is held itself is passed over, and so is one that does not exist", async () => {
	const hold = { kind: "rate_limited" as const, until: Date.now() + 3_600_000, message: "limit" };
	await holdUntil(store, { host: HOST, backend: "a", model: "sonnet" }, { ...hold, limited: "sonnet" });
	expect(await next("opus", "a")).toMatchObject({ model: "gpt-5" });
	await holdUntil(store, { host: HOST, backend: "b", model: null }, { ...hold, limited: null });
	expect(await next("opus", "a")).toBeNull();
	config.fallback = ["nothing-like-it", "opus"];
	expect(await next("sonnet", "a")).toMatchObject({ model: "opus" });
});

test("one whose places are taken is passed over; where all are, the first is waited for", async () => {
	await store.client.del(store.keys.gates(HOST));
	config.fallback = ["sonnet", "gpt-5"];
	const full = (backend: string) =>
		store.client.hset(
			store.keys.limited(HOST),
			` ${backend}`,
			JSON.stringify({ kind: "backend", used: 1, all: 1, until: null }),
		);
	await full("a");
	expect(await next("opus", "a")).toMatchObject({ model: "gpt-5" });
	await full("b");
	expect(await next("opus", "a")).toMatchObject({ model: "sonnet" });
});
