/** Tasks one after another through one daemon leave nothing in it: no descriptor, listener, timer or map entry. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isEnded } from "../../src/task/states.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Counts, FaultStage, KillStage, type TaskStage } from "./stage.ts";

/** 2000 by hand (`LEAK_TASKS=2000`), with what it costs printed. */
const TASKS = Number(process.env.LEAK_TASKS ?? 30);
const WARM_UP = 10;
/** Until the code is compiled and the heap has its usual size. */
const MEMORY_WARM_UP = 100;
/** Nothing of a task; the one listener is the daemon's own. */
const IDLE = { live: 0, guards: 0, timers: 0, started: 0, serial: 0, taken: 0, waiting: 0, listeners: 1 };
const ALLOWED_BYTES = 20 * 1024 * 1024;
/** tasks */
const LOOK_EACH = 100;
/** at the beginning, and at the end */
const LOOKS = 5;

let redis: TestRedis;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

const descriptors = (pid: number | "self") => readdirSync(`/proc/${pid}/fd`).length;
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
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
			const sizes: number[] = [];
			for (let n = MEMORY_WARM_UP; n < MEMORY_WARM_UP + TASKS; n++) {
				await run(stage, n);
				if (n % LOOK_EACH !== 0) continue;
				const look = await stage.counts();
				sizes.push(look.rss);
				console.log(`after ${n} tasks: ${described(look)}`);
			}
			await expect.poll(() => descriptors(pid)).toBeLessThanOrEqual(before.descriptors);
			const listening = async () => (await stage.counts()).listeners;
			await expect.poll(listening).toBeLessThanOrEqual(before.listeners);
			expect(median(sizes.slice(-LOOKS)) - median(sizes.slice(0, LOOKS))).toBeLessThan(ALLOWED_BYTES);
		} finally {
			await stage.close();
		}
	},
	3_600_000,
);

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;

/** One look alone says little: what V8 keeps for its next collection goes up and down by half of what is allowed. */
const median = (sizes: readonly number[]) => sizes.toSorted((a, b) => a - b)[sizes.length >> 1] ?? Number.NaN;

const described = ({ rss, kept, listeners, timers: running, handles }: Counts) =>
	`${megabytes(rss)} after a collection, ${megabytes(kept)} kept; ${listeners} listeners, ${running} timers, ${handles} handles`;
