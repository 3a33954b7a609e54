/** Ends that somebody wished for: found without a record, and charged to nobody. */
import { expect, test, vi } from "vitest";
import { leftAgents } from "../../src/actions/left-agents.ts";
import { emptyConfig } from "../../src/config/config.ts";
import { Orders } from "../../src/config/orders.ts";
import { sealsOf } from "../../src/config/signing-key.ts";
import { stopLeftAgents } from "../../src/host/left-agents.ts";
import { readEnding } from "../../src/monitor/ending.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { markedPids } from "../../src/process/processes.ts";
import { settle } from "../../src/worker/settle.ts";
import { verify } from "../../src/worker/verify.ts";
import { WorkSaver } from "../../src/worker/workspace.ts";
import { monitorStage } from "../monitor/stage.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

const stage = monitorStage();
const ENV = { PATH: process.env.PATH ?? "" };

test("an agent whose record is gone is ended, and why is left in its run directory", async () => {
	const { run, nonce } = await stage().agent("t", "trap '' TERM; echo up; while :; do sleep 0.05; done");
	await vi.waitFor(() => expect(markedPids(nonce).length).toBeGreaterThan(0), {
		timeout: CONDITION_LIMIT_MS,
	});
	await stage().store.client.flushall();
	await stopLeftAgents(stage().home);
	expect(markedPids(nonce)).toEqual([]);
	expect(agentStatus(run).kind).not.toBe("alive");
	expect(readEnding(run, sealsOf(stage().home))).toBe("shutdown");
});

test("a check that runs is ended too, and begins anew for the next worker", async () => {
	const { run, nonce } = await stage().agent("t", "exit 0");
	const wanted = { command: "exec sleep 1000", env: ENV };
	const look = () => verify(run, wanted, new Orders(stage().home, stage().store.namespace).seals);
	await look();
	await vi.waitFor(() => expect(markedPids(`${nonce}-verify`).length).toBeGreaterThan(0), {
		timeout: CONDITION_LIMIT_MS,
	});
	await stopLeftAgents(stage().home);
	expect(markedPids(`${nonce}-verify`)).toEqual([]);
	expect(await look()).toEqual({ kind: "running" });
	await stopLeftAgents(stage().home);
});

test("agents that no task follows are named with the reason, those that one follows are not", async () => {
	const { store, home } = stage();
	const { nonce } = await stage().agent("followed", "exec sleep 1000");
	await stage().agent("damaged", "exec sleep 1000");
	await stage().agent("gone", "exec sleep 1000");
	await stage().agent("ended", "exec sleep 1000");
	await vi.waitFor(() => expect(markedPids(nonce).length).toBeGreaterThan(0), {
		timeout: CONDITION_LIMIT_MS,
	});
	await store.client.hset(store.keys.task("damaged"), "spec", "{x");
	await store.client.del(store.keys.task("gone"));
	await store.move({ id: "ended", from: ["running"], epoch: 1, to: "failed" });
	expect((await leftAgents(store, home)).sort((a, b) => (a.task < b.task ? -1 : 1))).toEqual([
		{ task: "damaged", start: 1, why: "its record is damaged: spec is not JSON" },
		{ task: "ended", start: 1, why: "the task is at start 1, failed" },
		{ task: "gone", start: 1, why: "this Redis has no record of it" },
	]);
});

/** The host's own ends so far, who wished for the next one, and whether that one counts as the agent's crash. */
test.each([
	[3, null, "taken_down"],
	[10, null, "crashed"],
	[10, "shutdown", "taken_down"],
	[500, "shutdown", "taken_down"],
] as const)("after %i ends in a row, the next one by %s", async (takenDown, ending, meaning) => {
	const { store, hub, home } = stage();
	const orders = new Orders(home, store.namespace);
	const { epoch } = await stage().permit("t");
	const record = { ...(await store.need("t")), takenDown, epoch };
	const none = { run: null, seen: null, plan: null, finished: false };
	await settle(
		{ record, ...none, status: { kind: "gone" }, ending, takenDown: true, takenAway: false },
		{
			store,
			config: emptyConfig(),
			orders,
			hub,
			checkEnv: () => ENV,
			maxBackoffMs: 50,
			saver: new WorkSaver({ store, orders, env: {} }),
		},
	);
	const after = await store.need("t");
	expect(after).toMatchObject({
		state: "queued",
		takenDown: meaning === "crashed" || ending === "shutdown" ? 0 : takenDown + 1,
		hold: meaning === "crashed" ? { kind: "backoff" } : null,
	});
});
