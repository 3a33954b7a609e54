/**
 * A Redis that went back to an earlier state (it crashed, and had not saved) knows nothing of a start whose agent works.
 * That one is ended, as the sweep would do it soon, and the task is started: nobody has to end it by hand.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { Orders } from "../../src/config/orders.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { sweepRun } from "../../src/process/end-run.ts";
import { markedPids } from "../../src/process/processes.ts";
import { openRun, type RunDir } from "../../src/process/run-dir.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Serial } from "../../src/task/serial.ts";
import { start } from "../../src/worker/start.ts";
import { monitorStage } from "../monitor/stage.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { killSlowly, LADEN } from "../process/little-time.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { fakeConfig } from "./fake-backend.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });

const nonces: string[] = [];
afterEach(async () => {
	for (const nonce of nonces.splice(0)) await sweepRun(nonce, {});
});

/** Says who it is, and whom it meets. */
const AGENT = `
	[ ! -f starts ] || while read -r pid; do
		# One that is dead waits to be buried.
		grep -qs '^State:.[^ZX]' "/proc/$pid/status" && echo "$pid" >>met
	done <starts
	echo $$ >>starts
	exec sleep 1000
`;
const linesOf = (name: string) => {
	const path = join(stage().project, name);
	return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
};

/** Leaves a process that is known by nothing but the FIFO, which it holds. */
const HIDDEN = (script: string) => `
	setsid env -i PATH="$PATH" perl -e '${script}' >left &
	while [ ! -s left ]; do sleep 0.05; done
`;

/** @returns a way back to what Redis holds now */
async function saved({ client }: Store): Promise<() => Promise<void>> {
	const kept = new Map<string, Buffer>();
	for (const key of await client.keys("*")) {
		const dump = await client.dumpBuffer(key);
		if (dump !== null) kept.set(key, dump);
	}
	return async () => {
		await client.flushall();
		for (const [key, dump] of kept) await client.restore(key, 0, dump);
	};
}

async function startTask(id: string, agent = AGENT): Promise<void> {
	const { store, hub, home, project } = stage();
	const script = join(project, "agent.sh");
	writeFileSync(script, agent);
	const config = fakeConfig(`sh ${script}`);
	const { generation } = await store.need(id);
	const made = { store, home, hub, config, host: HOST, serial: new Serial(), env: process.env };
	await start(
		id,
		generation,
		{ stopping: new AbortController().signal, mayStart: async () => true },
		{
			...{ ...made, orders: new Orders(home, store.namespace), redisUrl: null },
			...{ maxBackoffMs: 50, graceMs: 200, fault: () => {} },
		},
	);
	nonces.push((await store.need(id)).runNonce ?? "");
}

/** An agent of start `epoch` works, and Redis is as it was before that. @returns the agent's nonce */
async function workingUnknown(epoch: number): Promise<string> {
	const { store, home, project } = stage();
	const spec = specOf("t", { cwd: project });
	const orders = new Orders(home, store.namespace);
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	for (let before = 1; before < epoch; before++) {
		await startTask("t");
		await until(() => expect(linesOf("starts")).toHaveLength(before));
		await sweepRun(nonces.at(-1) ?? "", {});
		await store.move({ id: "t", from: ["running"], to: "queued" });
	}
	const back = await saved(store);
	await startTask("t");
	await until(() => expect(linesOf("starts")).toHaveLength(epoch));
	await back();
	return nonces.at(-1) ?? "";
}

test.each([1, 2])("the agent of a lost start %i is ended, and the task starts", async (epoch) => {
	const lost = await workingUnknown(epoch);
	await startTask("t");
	await until(() => expect(linesOf("starts")).toHaveLength(epoch + 1));
	expect(await stage().store.need("t")).toMatchObject({ state: "running", epoch });
	expect(markedPids(lost)).toEqual([]);
	expect(linesOf("met")).toEqual([]);
});

test.each(["no JSON", '{"task":"t"}'])(
	"an agent of which nothing tells that it is of this task (%s) is left, and the start refused",
	async (facts) => {
		const lost = await workingUnknown(1);
		writeFileSync(join(stage().home, "runs/t/1/run.json"), facts);
		await startTask("t");
		expect(await stage().store.need("t")).toMatchObject({ state: "failed", reason: "not_started" });
		expect(markedPids(lost)).not.toEqual([]);
		expect(linesOf("starts")).toHaveLength(1);
	},
);

test("who is ending holds what an agent holds, and keeps no start away", async () => {
	const { store, home, project } = stage();
	const spec = specOf("t", { cwd: project });
	const orders = new Orders(home, store.namespace);
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	await startTask("t", HIDDEN(LADEN));
	await until(() => expect(linesOf("left")).toEqual([expect.stringMatching(/^\d+$/)]));
	await until(() => expect(agentStatus(openRun(home, "t", 1) as RunDir)).toMatchObject({ kind: "exited" }));
	await store.move({ id: "t", from: ["running"], to: "queued" });
	await killSlowly(Number(linesOf("left")[0]));
	await startTask("t");
	await until(() => expect(linesOf("starts")).toHaveLength(1));
	expect(await store.need("t")).toMatchObject({ state: "running", epoch: 2 });
});
