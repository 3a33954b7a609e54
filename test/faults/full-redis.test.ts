/** A Redis that is full refuses new work; what lives ends truthfully, and can be cancelled. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { isEnded } from "../../src/task/states.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { FaultStage } from "./stage.ts";

const LIMIT_MS = 2 * CONDITION_LIMIT_MS;

let redis: TestRedis;
let stage: FaultStage;
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--maxmemory-policy", "noeviction"] });
});
afterAll(() => redis.stop());

test("an agent that finishes completes its task, another one is cancelled, a place is free, new work is refused", async () => {
	stage = await FaultStage.open(redis, "full", { places: 3 });
	try {
		await stage.enqueue("ends", "ask");
		await stage.enqueue("goes", "wait");
		await stage.enqueue("asks", "ask");
		for (const id of ["ends", "asks"]) await stage.until(id, LIMIT_MS, ({ state }) => state === "asking");
		await stage.until("goes", LIMIT_MS, () => stage.starts("goes").length > 0);
		await stage.store.client.config("SET", "maxmemory", "1");
		await expect(stage.enqueue("new", "plain")).rejects.toMatchObject({ code: "DISPATCH_REDIS_FULL" });
		await stage.store.answer("ends", { text: "Blue", by: "ann@here" });
		const ended = await stage.until("ends", LIMIT_MS, ({ state }) => isEnded(state));
		expect(ended, ended?.outcome?.message).toMatchObject({ state: "completed", hasReport: true });
		for (const id of ["goes", "asks"]) {
			await stage.store.cancel(id, "ann@here");
			const gone = await stage.until(id, LIMIT_MS, ({ state }) => isEnded(state));
			expect(gone?.state).toBe("cancelled");
		}
		expect((await stage.store.remove("goes")).result).toBe("removed");
		expect(await stage.audit()).toEqual([]);
		await stage.store.client.config("SET", "maxmemory", "0");
		await stage.enqueue("second", "plain");
		const second = await stage.until("second", LIMIT_MS, ({ state }) => isEnded(state));
		expect(second?.state).toBe("completed");
	} finally {
		await stage.store.client.config("SET", "maxmemory", "0");
		await stage.close();
	}
});
