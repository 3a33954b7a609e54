/** A task that is removed in the moment in which its worktree is made leaves none behind. */
import { mkdirSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import type { Orders } from "../../src/config/orders.ts";
import { worktreesOf } from "../../src/task/worktree.ts";
import { prepareWorkspace } from "../../src/worker/workspace.ts";
import { inspectRepository } from "../../src/workspace/repository.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, makeRepository } from "../git.ts";
import { setTheStage, stage, store } from "../host/removal-stage.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { temporaryFolder } from "../temporary-folder.ts";

setTheStage();

test.each([
	["is made", false],
	["is half made, since the worker stops,", true],
])("removed while its start waits for its turn: what %s then is gone again", async (_, stops) => {
	const host = stage();
	const { home, orders } = host;
	const project = temporaryFolder("rm");
	makeRepository(project, { "a.txt": "one\n" });
	const { worktree } = await inspectRepository(project, worktreesOf(home), GIT_ENV);
	const spec = specOf("t", { nonce: orders.newNonce(), cwd: project, worktree });
	await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	const { generation } = await store.need("t");
	let isRead = () => {};
	const read = new Promise<void>((resolve) => {
		isRead = resolve;
	});
	const get = (id: string) => store.get(id).finally(() => setImmediate(isRead));
	const stopping = new AbortController();
	const seal: Orders["seal"] = (...owner) => {
		if (stops) stopping.abort();
		return orders.seal(...owner);
	};
	const faults: unknown[] = [];
	const fault = (...told: unknown[]) => void faults.push(told);
	const refusal: Orders["refusal"] = (record) => orders.refusal(record);
	const deps = { store: { get }, host: HOST, orders: { refusal, seal }, env: GIT_ENV, fault };
	mkdirSync(worktreesOf(home));
	// Whoever has the lock keeps it waiting.
	const prepared = await new Worktree({ id: "t", nonce: spec.nonce, worktree }, GIT_ENV).locked(async () => {
		const begun = prepareWorkspace("t", generation, deps, stopping.signal);
		await read;
		await host.remove("t");
		await host.spend();
		await host.clear();
		return { begun };
	});
	await prepared.begun;
	expect(readdirSync(worktreesOf(home))).toEqual([]);
	expect(gitIn(project, "branch", "--list", "dispatch/*")).toBe("");
	expect(gitIn(project, "worktree", "list").split("\n")).toHaveLength(1);
	expect(faults).toEqual([]);
});
