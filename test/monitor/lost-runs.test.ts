/** An agent, or a person, that moves all run directories away: the tasks of the others go on, uncharged. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { markedPids } from "../../src/process/processes.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();

test.each(["followed", "found by the next worker"])("all run directories are gone: %s", async (how) => {
	const { store, home } = stage();
	const { nonce } = await stage().agent("t", "exec sleep 1000", { attempts: 1 });
	const monitor = stage().reconciler();
	if (how === "followed") await monitor.reconcile("t");
	renameSync(join(home, "runs"), join(home, "moved"));
	const look = async () => {
		await monitor.reconcile("t");
		return store.stateOf("t");
	};
	await expect.poll(look).toBe("queued");
	expect(await store.need("t")).toMatchObject({ charge: false, takenDown: 1 });
	await expect.poll(() => markedPids(nonce)).toEqual([]);
	await monitor.stop();
});
