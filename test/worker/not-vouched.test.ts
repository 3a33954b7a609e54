/** A record that no user of this host vouches for: nothing is made, shown, brought in, ended or deleted by what it names. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { workOf } from "../../src/actions/work.ts";
import { Orders } from "../../src/config/orders.ts";
import { spendOrder } from "../../src/config/spent-orders.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { dropEarlier } from "../../src/worker/claim.ts";
import { prepareWorkspace } from "../../src/worker/workspace.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { worktreeOf } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository } from "../git.ts";
import { type MonitorStage, monitorStage } from "../monitor/stage.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const stage = monitorStage();

/** What somebody made of the signed record of `t`. */
const WAYS: Record<string, (of: MonitorStage) => Promise<unknown>> = {
	"without a signature": ({ store }) => store.client.hset(store.keys.task("t"), "signature", ""),
	"signed by another user": async ({ store }) => {
		const signature = new Orders(temporaryFolder("other"), store.namespace).sign(await store.need("t"));
		return store.client.hset(store.keys.task("t"), { signature });
	},
	"changed since it was signed": async ({ store }) => {
		const { spec } = await store.need("t");
		return store.client.hset(
			store.keys.task("t"),
			"spec",
			JSON.stringify({ ...spec, prompt: "Something else" }),
		);
	},
	"a copy of a task that was removed": async ({ store, home }) =>
		spendOrder(home, (await store.need("t")).spec.nonce),
};
const EACH = Object.keys(WAYS).map((way) => [way, false] as const);
const WITH_SIGNED = [["as it was signed", true] as const, ...EACH];

/** A task with a worktree, not started yet. */
async function withWorktree(way: string) {
	const { store, home } = stage();
	const repository = join(home, "repository");
	makeRepository(repository);
	const { worktree } = await inspectRepository(repository, join(home, "worktrees"), GIT_ENV);
	const spec = specOf("t", { cwd: repository, worktree });
	const signature = new Orders(home, store.namespace).sign({ spec, host: HOST, chosen: null });
	await store.create(spec, { signature });
	await WAYS[way]?.(stage());
	const orders = new Orders(home, store.namespace);
	return { store, orders, repository, record: await store.need("t") };
}

test.each(WITH_SIGNED)("no worktree is made for one that is %s (%s: it is)", async (way, isMade) => {
	const { store, orders, repository, record } = await withWorktree(way);
	const faults: unknown[] = [];
	const fault = (...told: unknown[]) => faults.push(told);
	const deps = { store, host: HOST, orders, env: GIT_ENV, fault };
	const made = await prepareWorkspace("t", record.generation, deps, new AbortController().signal);
	expect(made).toEqual({ nonce: isMade ? record.spec.nonce : null, fault: null });
	expect(existsSync(worktreeOf(record.spec, GIT_ENV)?.path ?? "")).toBe(isMade);
	expect(gitIn(repository, "branch", "--list", "dispatch/t") !== "").toBe(isMade);
	expect(faults).toEqual([]);
});

test.each(EACH)("diff and apply look at no repository for one that is %s", async (way) => {
	const { orders, record } = await withWorktree(way);
	const place = { orders, hostId: HOST, env: GIT_ENV };
	expect(() => workOf(record, place)).toThrow(expect.objectContaining({ code: "DISPATCH_NOT_SIGNED" }));
});

test("they do for one as it was signed", async () => {
	const { orders, record } = await withWorktree("as it was signed");
	expect(workOf(record, { orders, hostId: HOST, env: GIT_ENV }).nonce).toBe(record.spec.nonce);
});

test.each(WITH_SIGNED)(
	"before a start of one that is %s no agent is ended, and no run directory goes (%s: they are)",
	async (way, isDone) => {
		const { store, home } = stage();
		const { run } = await stage().agent("t", "exec sleep 1000");
		await store.move({ id: "t", from: ["running"], to: "queued" });
		await WAYS[way]?.(stage());
		const orders = new Orders(home, store.namespace);
		// As of a Redis that went back to before that start.
		const record = { ...(await store.need("t")), epoch: 0 };
		expect(await dropEarlier(record, { store, home, host: HOST, orders, graceMs: 0 })).toBeNull();
		expect(agentStatus(run).kind === "alive").toBe(!isDone);
		expect(existsSync(run.path)).toBe(!isDone);
	},
);
