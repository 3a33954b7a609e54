/** Tasks one after another through one daemon leave nothing in it: no descriptor, listener, timer or map entry. */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isEnded } from "../../src/task/states.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { FaultStage, KillStage, type TaskStage } from "./stage.ts";

/** 2000 by hand (`LEAK_TASKS=2000`), with what it costs printed. */
const TASKS = Number(process.env.LEAK_TASKS ?? 30);
const WARM_UP = 10;
/** Until the code is compiled and the heap has its usual size. */
const MEMORY_WARM_UP = 100;
/** Nothing of a task; the one listener is the daemon's own. */
const IDLE = { live: 0, guards: 0, timers: 0, started: 0, serial: 0, taken: 0, waiting: 0, listeners: 1 };
const ALLOWED_BYTES = 20 * 1024 * 1024;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

const descriptors = (pid: number | "self") => readdirSync(`/proc/${pid}/fd`).length;
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
/** In bytes. */
function rss(pid: number | "self"): number {
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
/** Of this process, and of the store's connection. */
function listenersOf(...emitters: NodeJS.EventEmitter[]): number {
	const counts = emitters.flatMap((each) => each.eventNames().map((name) => each.listenerCount(name)));
	return counts.reduce((sum, count) => sum + count, 0);
}

async function run(stage: TaskStage, n: number): Promise<void> {
	await stage.enqueue(`t${n}`, "plain");
	const ended = await stage.until(`t${n}`, 60_000, ({ state }) => isEnded(state));
	expect(ended?.state).toBe("completed");
}

test(`${TASKS} tasks one after another`, async () => {
	const stage = await FaultStage.open(redis, "leaks");
	try {
		for (let n = 0; n < WARM_UP; n++) await run(stage, n);
		const idle = () => expect.poll(() => stage.sizes()).toEqual(IDLE);
		await idle();
		const open = () => descriptors("self");
		const listeners = () => listenersOf(process, stage.store.client);
		const before = { descriptors: open(), timers: timers(), listeners: listeners() };
		for (let n = WARM_UP; n < WARM_UP + TASKS; n++) await run(stage, n);
		await idle();
		await expect.poll(open).toBeLessThanOrEqual(before.descriptors);
		await expect.poll(timers).toBeLessThanOrEqual(before.timers + 2);
		expect(listeners()).toBeLessThanOrEqual(before.listeners);
	} finally {
		await stage.close();
	}
}, 3_600_000);

/** By hand: few tasks say nothing about memory, where what is kept for good is small beside what comes and goes. */
test.runIf(TASKS >= 1_000)(
	`the memory of a daemon of its own after ${TASKS} tasks`,
	async () => {
		const stage = await KillStage.open(redis, "memory", []);
		try {
			for (let n = 0; n < MEMORY_WARM_UP; n++) await run(stage, n);
			const { pid } = stage;
			const before = { descriptors: descriptors(pid), ...(await stage.counts()) };
			for (let n = MEMORY_WARM_UP; n < MEMORY_WARM_UP + TASKS; n++) {
				await run(stage, n);
				if (n % 100 === 0) console.log(`after ${n} tasks: ${await described(stage)}`);
			}
			await expect.poll(() => descriptors(pid)).toBeLessThanOrEqual(before.descriptors);
			const listening = async () => (await stage.counts()).listeners;
			await expect.poll(listening).toBeLessThanOrEqual(before.listeners);
			expect((await stage.counts()).rss - before.rss).toBeLessThan(ALLOWED_BYTES);
		} finally {
			await stage.close();
		}
	},
	3_600_000,
);

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/** Between two collections its size goes up and down by more than it keeps. */
async function described(stage: KillStage): Promise<string> {
	const before = rss(stage.pid);
	const { rss: after, kept, listeners, timers: running, handles } = await stage.counts();
	const sizes = `${megabytes(before)}, ${megabytes(after)} after a collection, ${megabytes(kept)} kept`;
	return `${sizes}; ${listeners} listeners, ${running} timers, ${handles} handles`;
}
