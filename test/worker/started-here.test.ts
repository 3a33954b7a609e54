/** Only what was spawned counts as started here: of that alone a run directory that is gone is an agent's doing. */
import { afterEach, expect, test, vi } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { markedPids } from "../../src/process/processes.ts";
import { Serial } from "../../src/task/serial.ts";
import { start } from "../../src/worker/start.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { fakeConfig } from "./fake-backend.ts";

const stage = monitorStage();
const config = fakeConfig("true");
afterEach(() => {
	delete process.env.DISPATCH_FAULT;
});

const POINTS = ["permitted", "directory", "claimed", "carried", "prepared", "noted"];

test.each([...POINTS.map((at) => [at, 0] as const), ["spawned", 1] as const])(
	"a start that fails at %s",
	async (at, times) => {
		const { store, hub, home, project } = stage();
		const orders = new Orders(home, store.namespace);
		const spec = specOf("t", { cwd: project });
		await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
		const { generation } = await store.need("t");
		const added = vi.spyOn(hub.startedHere, "add");
		process.env.DISPATCH_FAULT = `start.${at}:throw-once:t`;
		await start(
			"t",
			generation,
			{ stopping: new AbortController().signal, mayStart: async () => true },
			{
				...{
					store,
					home,
					hub,
					config,
					orders,
					host: HOST,
					serial: new Serial(),
					env: process.env,
					redisUrl: null,
				},
				...{ maxBackoffMs: 50, graceMs: 200 },
				fault: () => {},
			},
		);
		expect(added).toHaveBeenCalledTimes(times);
		// It leaves nobody behind.
		await expect.poll(() => markedPids(added.mock.calls[0]?.[0] ?? "none")).toEqual([]);
	},
);
