/** The contract of `src/task/service.ts`, tried on every service there is, on a real Redis. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Web } from "../../src/web/server.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { clientsOf, HandleWatch, inotifyWatches } from "./left-open.ts";
import { SERVICES } from "./services.ts";

const SOURCES = resolve(import.meta.dirname, "../../src");
const DURABLE = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"];
const ADMIN = ["--user", "admin", "on", ">admin", "~*", "&*", "+@all"];
/** Not to be refused: without them no connection says anything. */
const NEEDED_TO_CONNECT = /^(acl|config|client|hello|auth|select|ping)\b/;

let redis: TestRedis;
/** As a user of its own: what the services' user may not do, it may. */
let admin: Redis;
let store: Store;
let handles: HandleWatch;
let before: { watches: number; clients: number };

beforeAll(async () => {
	redis = await startTestRedis({ settings: [...DURABLE, ...ADMIN] });
});
beforeEach(async () => {
	admin = new Redis({ path: redis.socketPath, username: "admin", password: "admin" });
	admin.on("error", () => {});
	await admin.flushall();
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
	handles = new HandleWatch();
	await expect.poll(() => clientsOf(admin, "default")).toBe(1);
	before = { watches: inotifyWatches(), clients: 1 };
	vi.spyOn(console, "warn").mockReturnValue();
});
afterEach(async () => {
	vi.restoreAllMocks();
	handles.end();
	await store.close();
	admin.disconnect();
});
afterAll(() => redis.stop());

async function expectNothingLeft(after: string): Promise<void> {
	const look = async () => {
		const watches = inotifyWatches() - before.watches;
		const clients = (await clientsOf(admin, "default")) - before.clients;
		expect({ after, handles: handles.open, watches, clients }).toEqual({
			after,
			handles: [],
			watches: 0,
			clients: 0,
		});
	};
	await vi.waitFor(look, { timeout: CONDITION_LIMIT_MS, interval: 50 });
}

/** The commands that a start sends, also those within scripts. */
async function commandsOf(start: () => Promise<void>): Promise<string[]> {
	await admin.config("RESETSTAT");
	await start();
	const stats = await admin.info("commandstats");
	const names = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name]) => name as string);
	return names.filter((name) => !NEEDED_TO_CONNECT.test(name));
}

describe.each(SERVICES)("$name", ({ make, connections }) => {
	test("stop without a start is no fault, and final", async () => {
		const { service } = make(store);
		await handles.run(() => service.stop());
		await service.stop();
		await expect(handles.run(() => service.start())).rejects.toThrow("was stopped");
		await expectNothingLeft("a stop without a start");
	});

	test("start twice is one start, stop twice is one stop, and nothing is left", async () => {
		const { service, use } = make(store);
		await handles.run(async () => {
			const first = service.start();
			expect(service.start()).toBe(first);
			await first;
			await service.start();
			await use?.();
		});
		expect(await clientsOf(admin, "default")).toBe(before.clients + connections);
		const stopped = handles.run(() => service.stop());
		expect(service.stop()).toBe(stopped);
		await stopped;
		await expect(service.start()).rejects.toThrow("was stopped");
		// What is still under way may use it once more.
		await handles.run(async () => use?.().catch(() => {}));
		await expectNothingLeft("a stop");
	});

	test("a start that fails at any of its commands leaves nothing", async () => {
		const first = make(store).service;
		const commands = await commandsOf(() => first.start());
		await first.stop();
		let failed = 0;
		for (const command of commands) {
			await admin.acl("SETUSER", "default", `-${command}`);
			const { service } = make(store);
			const start = handles.run(() => service.start());
			const fault = await start.then(
				() => null,
				(error: Error) => error,
			);
			if (fault !== null) failed += 1;
			// A start that fails needs no stop; one that does without the command does.
			if (fault === null) await handles.run(() => service.stop());
			await admin.acl("SETUSER", "default", "+@all");
			await expectNothingLeft(`a start without ${command}`);
			await service.stop();
		}
		// Of those that talk to Redis at their start, some failed.
		expect(connections > 0 ? failed : 1).toBeGreaterThan(0);
	});

	test("a stop during a start that waits for Redis ends it, and nothing comes up later", async () => {
		await redis.kill9();
		const { service } = make(store);
		const start = handles.run(() => service.start());
		const end = Promise.allSettled([start]);
		await handles.run(() => service.stop());
		await end;
		await redis.start();
		await admin.ping();
		await store.client.ping();
		await expectNothingLeft("a stop while Redis was away");
	});

	test("a stop after Redis has died leaves nothing", async () => {
		const { service, use } = make(store);
		await handles.run(() => service.start());
		await handles.run(async () => use?.());
		await redis.kill9();
		await handles.run(() => service.stop());
		await redis.start();
		await admin.ping();
		await store.client.ping();
		await expectNothingLeft("a stop after the end of Redis");
	});
});

test("a web server whose port is taken leaves nothing", async () => {
	const first = new Web(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	await first.start();
	const port = Number(new URL(first.url).port);
	const second = new Web(store, { port, listen: "127.0.0.1", redis: "local Redis", option: null });
	await expect(handles.run(() => second.start())).rejects.toMatchObject({ code: "DISPATCH_USAGE" });
	await expectNothingLeft("a start on a taken port");
	expect((await fetch(first.url)).status).toBe(200);
	await first.stop();
});

test("every class that is started and stopped is a service, and stands in the table", () => {
	const names = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".ts"),
	);
	const texts = names.map((name) => readFileSync(join(SOURCES, name), "utf8"));
	const services = texts.flatMap((text) =>
		[...text.matchAll(/class (\w+) extends Service\b/g)].map(([, name]) => name),
	);
	expect(services.sort()).toEqual(SERVICES.map(({ name }) => name).sort());
	const stopping = texts.filter(
		(text) => /^\t(?:async )?stop\(/m.test(text) && !/extends Service\b/.test(text),
	);
	expect(stopping.map((text) => /class (\w+)/.exec(text)?.[1])).toEqual(["Service"]);
});
