/**
 * Another container's process, or another mount namespace's, has files of its own under the very paths of ours. Who is
 * found in /proc by a path is signalled, or keeps a start waiting: nobody of those may be.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { holdersOf, holdersOfTask } from "../../src/process/holders.ts";
import { pidsWithOpen } from "../../src/process/processes.ts";
import type { RunDir } from "../../src/process/run-dir.ts";
import { ensureLocalServer, localServerState, stopLocalServer } from "../../src/queue/redis/local-server.ts";
import { serverPlace, serversAt } from "../../src/queue/redis/server-place.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { APART, holderAt, mayLiveApart } from "./apart.ts";

/** Makes what a state directory has, and holds it as server, agent and worker do. */
const HOLDS = `
mkdir -p redis runs/t/1 && : >redis/lock && : >daemon.lock && mkfifo runs/t/1/alive
exec 3>>redis/lock 4<>runs/t/1/alive 5>>daemon.lock 6<.
cd redis; echo held; exec -a "redis-server $1/redis/redis.sock" sleep 1000`;
const MOUNTED = `mount -t tmpfs none "$1" && cd "$1" && ${HOLDS}`;

const LOOKS: Record<string, (home: string) => Iterable<number>> = {
	"servers of the directory": (home) => serversAt(serverPlace(home)),
	"who holds a run's FIFO": (home) => holdersOf({ path: join(home, "runs/t/1") } as RunDir),
	"who holds one of a task's": (home) => holdersOfTask(home, "t"),
	"who has the lock open": (home) => pidsWithOpen(join(home, "daemon.lock")),
	"who has the directory open": (home) => pidsWithOpen(home),
};

test.each(Object.entries(LOOKS))("%s: one of here is found", async (_, look) => {
	const home = realpathSync(temporaryFolder("here"));
	const { pid } = await holderAt("bash", ["-c", HOLDS, "bash", home], home);
	// It becomes what it is called a moment after it has said that it holds all.
	await expect.poll(() => [...look(home)], { timeout: CONDITION_LIMIT_MS }).toEqual([pid]);
});

test.skipIf(!mayLiveApart).each(Object.entries(LOOKS))(
	"%s: nobody of another mount namespace is one, whatever lies here",
	async (_, look) => {
		const home = realpathSync(temporaryFolder("there"));
		await holderAt("unshare", [APART, "bash", "-c", MOUNTED, "bash", home], home);
		const found = [[...look(home)]];
		for (const folder of ["redis", "runs/t/1"]) mkdirSync(join(home, folder), { recursive: true });
		for (const file of ["redis/lock", "daemon.lock"]) writeFileSync(join(home, file), "");
		found.push([...look(home)]);
		spawnSync("mkfifo", [join(home, "runs/t/1/alive")]);
		found.push([...look(home)]);
		expect(found).toEqual([[], [], []]);
	},
);

test.skipIf(!mayLiveApart)(
	"the local server comes and goes, and what lives under its path elsewhere stays",
	async () => {
		const home = { path: realpathSync(temporaryFolder("apart")) };
		const other = await holderAt("unshare", [APART, "bash", "-c", MOUNTED, "bash", home.path], home.path);
		onTestFinished(async () => void (await stopLocalServer(home)));
		expect(localServerState(home)).toBe("stopped");
		expect(await stopLocalServer(home)).toBe(false);
		await ensureLocalServer(home);
		expect(await stopLocalServer(home)).toBe(true);
		expect([other.exitCode, other.signalCode]).toEqual([null, null]);
	},
);
