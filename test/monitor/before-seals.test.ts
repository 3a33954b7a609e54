/** An upgrade from a version that sealed nothing: why it ended an agent is believed for its own starts, and for no other. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSigner, sealsOf } from "../../src/config/signing-key.ts";
import { stopLeftAgents } from "../../src/host/left-agents.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { markedPids } from "../../src/process/processes.ts";
import { newNonce } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const LIMIT = { timeout: CONDITION_LIMIT_MS };

/** @returns its record once a worker has found it that never saw it */
async function foundEnded(of: { nonce: string; script: string; end: (path: string) => unknown }) {
	const { store, hub } = stage();
	const { run, nonce } = await stage().agent("t", of.script, {}, of.nonce);
	hub.startedHere.delete(nonce);
	await of.end(run.path);
	// One that is ended before its wrapper listens is `gone`.
	await expect.poll(() => agentStatus(run).kind, LIMIT).toMatch(/^(exited|gone)$/);
	await expect.poll(() => markedPids(nonce), LIMIT).toEqual([]);
	await stage().reconciler().reconcile("t");
	return store.need("t");
}

const noted = (path: string) => writeFileSync(join(path, "ending"), "shutdown");

test("a start of that version, ended by its `down --stop-agents`, is charged to nobody", async () => {
	const after = await foundEnded({ nonce: newNonce(), script: "exit 143", end: noted });
	expect(after).toMatchObject({ state: "queued", charge: false });
});

test("and one that this version's `down --stop-agents` ends", async () => {
	const end = () => stopLeftAgents(stage().home);
	const after = await foundEnded({ nonce: newNonce(), script: "exec sleep 1000", end });
	expect(after).toMatchObject({ state: "queued", charge: false });
});

test("an agent of this version that writes the same is charged as always", async () => {
	const nonce = openSigner(stage().home).newNonce();
	const after = await foundEnded({ nonce, script: "exit 143", end: noted });
	const outcome = { message: expect.stringContaining("exited with code 143") };
	expect(after).toMatchObject({ state: "queued", charge: true, outcome });
	expect(sealsOf(stage().home).hasMade(nonce)).toBe(true);
});
