/** Tasks one after another through one daemon leave nothing in it: no descriptor, listener, timer or map entry. */
import { readdirSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isEnded } from "../../src/task/states.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { FaultStage } from "./stage.ts";

/** 2000 by hand (`LEAK_TASKS=2000`), with what it costs printed. */
const TASKS = Number(process.env.LEAK_TASKS ?? 30);
const WARM_UP = 10;
/** Nothing of a task; the one listener is the daemon's own. */
const IDLE = { live: 0, guards: 0, timers: 0, started: 0, serial: 0, taken: 0, waiting: 0, listeners: 1 };
const ALLOWED_BYTES = 20 * 1024 * 1024;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

const descriptors = () => readdirSync("/proc/self/fd").length;
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
/** Of this process, after a collection: what is only not swept up yet does not count. */
function rss(): number {
	setFlagsFromString("--expose-gc");
	(runInNewContext("gc") as () => void)();
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}
/** Of this process, and of the store's connection. */
function listenersOf(...emitters: NodeJS.EventEmitter[]): number {
	const counts = emitters.flatMap((each) => each.eventNames().map((name) => each.listenerCount(name)));
	return counts.reduce((sum, count) => sum + count, 0);
}

test(`${TASKS} tasks one after another`, async () => {
	const stage = await FaultStage.open(redis, "leaks");
	try {
		const run = async (n: number) => {
			await stage.enqueue(`t${n}`, "plain");
			const ended = await stage.until(`t${n}`, 60_000, ({ state }) => isEnded(state));
			expect(ended?.state).toBe("completed");
		};
		for (let n = 0; n < WARM_UP; n++) await run(n);
		const idle = () => expect.poll(() => stage.sizes(), { timeout: 40_000 }).toEqual(IDLE);
		await idle();
		const listeners = () => listenersOf(process, stage.store.client);
		const before = { descriptors: descriptors(), timers: timers(), listeners: listeners(), rss: rss() };
		for (let n = WARM_UP; n < WARM_UP + TASKS; n++) await run(n);
		await idle();
		await expect.poll(descriptors, { timeout: 20_000 }).toBeLessThanOrEqual(before.descriptors);
		await expect.poll(timers, { timeout: 20_000 }).toBeLessThanOrEqual(before.timers + 2);
		expect(listeners()).toBeLessThanOrEqual(before.listeners);
		const grown = rss() - before.rss;
		if (TASKS >= 1_000) console.log(`${TASKS} tasks: ${(grown / 1024 / 1024).toFixed(1)} MB`);
		// Few tasks say nothing about memory: what is kept for good is small beside what comes and goes.
		expect(TASKS >= 1_000 ? grown : 0).toBeLessThan(ALLOWED_BYTES);
	} finally {
		await stage.close();
	}
}, 3_600_000);
