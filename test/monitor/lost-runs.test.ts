/** An agent, or a person, that takes run directories away: the tasks of the others go on, uncharged. */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { markedPids } from "../../src/process/processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();

/** The agent's wrapper may put a file into it at this moment. */
const takeAway = (path: string) => renameSync(path, join(temporaryFolder("away"), "x"));

const WAYS: Record<string, (runs: string) => void> = {
	"moved away": (runs) => renameSync(runs, `${runs}.moved`),
	"moved away, and there is a new start since": (runs) => {
		renameSync(runs, `${runs}.moved`);
		mkdirSync(join(runs, "other", "1"), { recursive: true });
	},
	"a file in its place": (runs) => {
		renameSync(runs, `${runs}.moved`);
		writeFileSync(runs, "");
	},
	"all that is in it": (runs) => {
		for (const name of readdirSync(runs)) takeAway(join(runs, name));
	},
	"the task's own alone": (runs) => takeAway(join(runs, "t")),
};

const CASES = Object.keys(WAYS).flatMap((way) =>
	["followed", "found by the next worker"].map((how) => [way, how] as const),
);

test.each(CASES)("run directories are gone (%s): %s", async (way, how) => {
	const { store, home } = stage();
	const { nonce } = await stage().agent("t", "exec sleep 1000", { attempts: 1 });
	const monitor = stage().reconciler();
	if (how === "followed") await monitor.reconcile("t");
	WAYS[way]?.(join(home, "runs"));
	const look = async () => {
		await monitor.reconcile("t");
		return store.stateOf("t");
	};
	await expect.poll(look).toBe("queued");
	expect(await store.need("t")).toMatchObject({ charge: false, takenDown: 1, takenAway: 1 });
	await expect.poll(() => markedPids(nonce)).toEqual([]);
	await monitor.stop();
});

/** What the host itself did to its starts before, how often its directory was taken away, and what the next time means. */
test.each([
	[{ takenDown: 2 }, "queued"],
	[{ takenDown: 9 }, "queued"],
	[{ takenDown: 9, takenAway: 1 }, "queued"],
	[{ takenDown: 2, takenAway: 2 }, "failed"],
	[{ takenDown: 10, takenAway: 1 }, "failed"],
] as const)("after %o, a start whose directory is taken away is %s", async (before, becomes) => {
	const { store } = stage();
	const { run } = await stage().agent("t", "exec sleep 1000", { attempts: 1 });
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	await store.follow("t", (await store.need("t")).epoch, before);
	takeAway(run.path);
	const look = async () => {
		await monitor.reconcile("t");
		return store.stateOf("t");
	};
	await expect.poll(look).toBe(becomes);
	const counted = {
		takenDown: before.takenDown + 1,
		takenAway: ("takenAway" in before ? before.takenAway : 0) + 1,
	};
	const expected = { queued: { charge: false, ...counted }, failed: { reason: "crashed", takenAway: 0 } };
	expect(await store.need("t")).toMatchObject(expected[becomes]);
	await monitor.stop();
});
