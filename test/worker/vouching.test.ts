/** A worker signs another agent's choice in its user's name, for records alone that this user has signed before. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { Orders } from "../../src/config/orders.ts";
import { agentStatus } from "../../src/process/agent.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { queueForFallback } from "../../src/worker/fallback.ts";
import { settle } from "../../src/worker/settle.ts";
import { WorkSaver } from "../../src/worker/workspace.ts";
import { monitorStage } from "../monitor/stage.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";

const stage = monitorStage();

const config = emptyConfig();
for (const name of ["fake", "other"])
	config.backends[name] = { name, type: "command", command: "true", modelFlag: false, permissions: null };
config.models.next = { backend: "other", id: null };
config.fallback = ["next"];

const LIMITED = {
	sessionId: null,
	result: null,
	earlyResult: null,
	waitsFor: null,
	failure: "rate_limited" as const,
	failureMessage: "limit",
	rateLimitUntil: Date.now() + 5 * 3_600_000,
	limitedModel: null,
	unsure: false,
	sawOutput: true,
	worked: true,
};

/** @param changed by somebody who can write to Redis */
async function made(id: string, changed: boolean): Promise<Orders> {
	const { store, home } = stage();
	const orders = new Orders(home, store.namespace);
	const spec = specOf(id, { cwd: stage().project });
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	if (changed)
		await store.client.hset(
			store.keys.task(id),
			"spec",
			JSON.stringify({ ...spec, prompt: "Something else" }),
		);
	return orders;
}

test.each([false, true])("an end that a fallback follows, the record changed: %s", async (changed) => {
	const { store, hub } = stage();
	const orders = await made("t", changed);
	await store.move({ id: "t", from: ["queued"], to: "running", runNonce: "n" });
	const record = await store.need("t");
	const end = { run: null, plan: null, finished: false, ending: null, takenDown: false, takenAway: false };
	await settle(
		{ ...end, record, status: { kind: "exited", code: 1, signal: null }, seen: LIMITED },
		{
			store,
			config,
			orders,
			hub,
			checkEnv: () => ({}),
			maxBackoffMs: 50,
			saver: new WorkSaver({ store, orders, env: {} }),
		},
	);
	const after = await store.need("t");
	expect([after.state, after.chosen?.backend, orders.isSigned(after)]).toEqual(
		changed ? ["queued", undefined, false] : ["queued", "other", true],
	);
});

test.each([false, true])("a queued task that a fallback takes, the record changed: %s", async (changed) => {
	const { store } = stage();
	const orders = await made("t", changed);
	const before = await store.need("t");
	const gate = { kind: "rate_limited", until: LIMITED.rateLimitUntil } as const;
	expect(await queueForFallback(before, gate, { store, config, orders })).toEqual(changed ? gate : null);
	const after = await store.need("t");
	expect([after.state, after.chosen?.backend, orders.isSigned(after)]).toEqual(
		changed ? ["queued", undefined, false] : ["queued", "other", true],
	);
	// It stands in line anew, by its new backend.
	expect(after.generation > before.generation).toBe(!changed);
});

async function isNotCalledDone(monitor: ReturnType<ReturnType<typeof stage>["reconciler"]>): Promise<void> {
	const { store } = stage();
	const look = async () => {
		await monitor.reconcile("t");
		return store.stateOf("t");
	};
	await expect.poll(look).not.toBe("running");
	expect(await store.need("t")).toMatchObject({ state: "failed", reason: "verify_failed" });
}

test.each<[string, (key: string) => void]>([
	["lost", (key) => rmSync(key)],
	["replaced", (key) => writeFileSync(key, "ab".repeat(32))],
])(
	"what was changed since its worker saw it signed is vouched for by nobody: the key is %s",
	async (_, harm) => {
		const { store, home, project } = stage();
		const script = "until test -e ipc/go; do sleep 0.05; done; printf -- '- [x] All\\n' >plan.md";
		const { taskDir } = await stage().agent("t", script);
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		harm(join(home, "signing-key"));
		const pwned = join(project, "pwned");
		const { spec } = await store.need("t");
		const changed = { ...spec, verify: `touch ${pwned}` };
		await store.client.hset(store.keys.task("t"), "spec", JSON.stringify(changed));
		writeFileSync(join(taskDir, "ipc/go"), "");
		await isNotCalledDone(monitor);
		expect(existsSync(pwned)).toBe(false);
	},
);

/** By which a record would make less of what was to be done, or something else. */
const CHANGED: Record<string, (pwned: string) => Partial<TaskSpec>> = {
	"another check": (pwned) => ({ verify: `touch ${pwned}` }),
	"no check": () => ({ verify: null }),
	"no items that were given": () => ({ givenItems: [] }),
	"another prompt": () => ({ prompt: "Do nothing" }),
	"more attempts": () => ({ attempts: 9 }),
};

test.each(Object.entries(CHANGED))(
	"what was changed while its agent works is not called done: %s",
	async (what, change) => {
		const { store, project } = stage();
		const given = {
			verify: "false",
			givenItems: what.includes("items") ? ["All", "The rest"] : [],
			attempts: 1,
		};
		const { run } = await stage().agent("t", "printf -- '- [x] All\\n' >plan.md; : >ipc/.done", given);
		await expect.poll(() => agentStatus(run).kind).toBe("exited");
		const pwned = join(project, "pwned");
		const { spec } = await store.need("t");
		await store.client.hset(store.keys.task("t"), "spec", JSON.stringify({ ...spec, ...change(pwned) }));
		const monitor = stage().reconciler();
		await isNotCalledDone(monitor);
		expect(existsSync(pwned)).toBe(false);
	},
);

test.each([
	["a task that was removed", true, false],
	["a task that was removed, and a look in between", true, true],
	["a task that was never here", false, false],
	["a task that was never here, and a look in between", false, true],
])(
	"what the user had signed for another task of this id is not called done in its place: %s",
	async (_, isRemoved, isSeen) => {
		const { store, home } = stage();
		const script =
			"until test -e ipc/go; do sleep 0.05; done; printf -- '- [x] All\\n' >plan.md; : >ipc/.done";
		const { taskDir } = await stage().agent("t", script, { verify: "false", attempts: 1 });
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		const orders = new Orders(home, store.namespace);
		const { spec, host } = await store.need("t");
		const old = { ...spec, nonce: orders.newNonce(), verify: null };
		const signature = orders.sign({ spec: old, host, chosen: null });
		if (isRemoved) orders.spend(old, () => true);
		await store.client.hset(store.keys.task("t"), { spec: JSON.stringify(old), nonce: old.nonce, signature });
		if (isSeen) await monitor.reconcile("t");
		writeFileSync(join(taskDir, "ipc/go"), "");
		await isNotCalledDone(monitor);
	},
);
