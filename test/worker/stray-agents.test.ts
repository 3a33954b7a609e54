/** What an agent writes into the facts of its own start leads its host to nobody else's agent. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { agentStatus, startAgent } from "../../src/process/agent.ts";
import { endTree } from "../../src/process/end-tree.ts";
import { markedPids } from "../../src/process/processes.ts";
import { claimRun, type RunDir, type RunFacts } from "../../src/process/run-dir.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { HOME_ID, monitorStage } from "../monitor/stage.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const WAITS = "exec sleep 1000";
const ENV = { PATH: process.env.PATH ?? "" };

/** As an agent does, which owns the file. */
const writeFacts = (run: RunDir, facts: Partial<RunFacts>) =>
	writeFileSync(join(run.path, "run.json"), JSON.stringify({ ...run.facts, ...facts }));

test("ends no other task's agent by the nonce that it wrote into its own facts", async () => {
	const { store } = stage();
	const { run, nonce } = await stage().agent("t", WAITS);
	const other = await stage().agent("other", WAITS);
	// Each wrapper has said who it is: what is written here is not overwritten.
	for (const { path } of [run, other.run])
		await until(() =>
			expect(["pid", "identity.json"].every((name) => existsSync(join(path, name)))).toBe(true),
		);
	writeFacts(run, { nonce: other.nonce });
	writeFileSync(join(run.path, "pid"), readFileSync(join(other.run.path, "pid")));
	writeFileSync(join(run.path, "identity.json"), readFileSync(join(other.run.path, "identity.json")));
	await store.move({ id: "t", from: ["running"], to: "failed" });
	expect(await stage().endStrays()).toEqual(["t"]);
	expect(agentStatus(other.run).kind).toBe("alive");
	expect(markedPids(other.nonce).length).toBeGreaterThan(0);
	// Known by what it holds open.
	await until(() => expect(markedPids(nonce)).toEqual([]));
});

test.each([
	["a host that nobody knows", {}, true],
	["another host", { homeId: "another", beatAt: "1" }, true],
	[
		"another name of this very directory, under which its worker ran",
		{ homeId: HOME_ID, beatAt: "1" },
		false,
	],
])("whose record names %s", async (_, host, isEnded) => {
	const { store } = stage();
	const { run } = await stage().agent("t", WAITS);
	await store.client.hset(store.keys.task("t"), "host", "other-1");
	if ("homeId" in host) await store.client.hset(store.keys.host("other-1"), host);
	expect(await stage().endStrays()).toEqual(isEnded ? ["t"] : []);
	expect(agentStatus(run).kind === "alive").toBe(!isEnded);
});

test("is not spared by the nonce of the start after it, nor does that one end with it", async () => {
	const { store } = stage();
	const { run, nonce } = await stage().agent("t", WAITS);
	const later = newNonce();
	await store.move({ id: "t", from: ["running"], to: "queued" });
	await store.move({ id: "t", from: ["queued"], to: "running", runNonce: later });
	const facts = { ...run.facts, epoch: run.facts.epoch + 1, nonce: later };
	const next = claimRun(stage().home, facts);
	if (next === null) throw new Error("claimed already");
	await startAgent(next, { argv: ["sh", "-c", WAITS], cwd: facts.taskDir, env: ENV });
	writeFacts(run, { nonce: later });
	expect(await stage().endStrays()).toEqual(["t"]);
	await until(() => expect(markedPids(nonce)).toEqual([]));
	expect(agentStatus(next).kind).toBe("alive");
	await endTree(next, { graceMs: 0 });
});
