/** An answer that arrives while an agent is started is in its prompt and counts as delivered, or neither. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { taskDirOf } from "../../src/ipc/task-dir.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { readLaunch } from "../../src/process/launch.ts";
import { openRun } from "../../src/process/run-dir.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Serial } from "../../src/task/serial.ts";
import { start } from "../../src/worker/start.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST } from "../queue/records/store-support.ts";
import { fakeConfig } from "./fake-backend.ts";

const stage = monitorStage();

const config = fakeConfig("true");

/** The store, of whose calls one comes after `first`. @param nth of all its calls, from 0. @returns with how many there were */
function interrupted(store: Store, nth: number, first: () => Promise<unknown>) {
	let calls = 0;
	const counting = new Proxy(store, {
		get(target, name) {
			const value = Reflect.get(target, name);
			if (typeof value !== "function") return value;
			return async (...given: unknown[]) => {
				if (calls++ === nth) await first();
				return value.apply(target, given);
			};
		},
	});
	return { counting, calls: () => calls };
}

/** A task that asked in its first start, and is started anew. */
async function asksAndGoesOn(id: string): Promise<void> {
	const { store } = stage();
	const { epoch } = await stage().permit(id);
	await store.ask(id, epoch, [{ seq: "001", text: "Which colour?", hash: "h" }]);
	await store.move({ id, from: ["asking"], to: "queued", epoch, set: { startMode: "resume" } });
}

test("before whichever call to Redis of a start it arrives", async () => {
	const { store, home, hub, project } = stage();
	const orders = new Orders(home, store.namespace);
	const found: { nth: number; isAnswered: boolean; isInPrompt: boolean; isCarried: boolean }[] = [];
	for (let nth = 0, calls = 1; nth < calls; nth++) {
		const id = `t${nth}`;
		await asksAndGoesOn(id);
		let isAnswered = false;
		const racing = interrupted(store, nth, async () => {
			const { result } = await store.answer(id, { text: "Teal", by: "ann@here", seq: "001" });
			isAnswered = result === "answered";
		});
		const how = {
			chosen: null,
			stopping: new AbortController().signal,
			mayStart: async () => true,
		};
		await start(id, (await store.need(id)).generation, how, {
			...{ store: racing.counting, home, hub, config, orders, host: HOST, serial: new Serial(), env: {} },
			...{ redisUrl: null, maxBackoffMs: 50, graceMs: 200, fault: () => {} },
		});
		calls = racing.calls();
		const run = openRun(home, id, 2);
		expect(run).not.toBeNull();
		await expect.poll(() => run && agentStatus(run).kind).toBe("exited");
		const prompt = readFileSync(join(taskDirOf(project, id), "prompt.md"), "utf8");
		const carried = (run && readLaunch(run)?.carried) ?? [];
		const [isInPrompt, isCarried] = [prompt.includes("Teal"), carried.includes("1.001")];
		found.push({ nth, isAnswered, isInPrompt, isCarried });
	}
	expect(found.length).toBeGreaterThan(5);
	expect(found.filter(({ isAnswered }) => isAnswered).length).toBeGreaterThan(2);
	expect(
		found.filter(
			({ isAnswered, isInPrompt, isCarried }) => isInPrompt !== isCarried || isAnswered !== isCarried,
		),
	).toEqual([]);
});
