/**
 * A service with mounts of its own (PrivateTmp of systemd, a container with the home mounted) has other ones after each
 * restart: whoever it started before works in the same directory, and is found whatever was removed there since.
 */
import { realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { holdersOf, holdersOfTask } from "../../src/process/holders.ts";
import type { RunDir } from "../../src/process/run-dir.ts";
import { serverPlace, serversAt } from "../../src/queue/redis/server-place.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { APART, holderAt, mayLiveApart } from "./apart.ts";

/** Has what a server and an agent have, under the name of a server. */
const HOLDS = `
mkdir -p redis runs/t/1 && : >redis/lock && mkfifo runs/t/1/alive
exec 3>>redis/lock 4<>runs/t/1/alive
cd redis; echo held; exec -a "redis-server $1/redis/redis.sock" sleep 1000`;

const LOOKS: Record<string, (home: string) => Iterable<number>> = {
	"the server": (home) => serversAt(serverPlace(home)),
	"who holds a run's FIFO": (home) => holdersOf({ path: join(home, "runs/t/1") } as RunDir),
	"who holds one of a task's": (home) => holdersOfTask(home, "t"),
};

/** What is left of the directory. */
const REMOVALS: Record<string, readonly string[]> = {
	all: [],
	"all but the files": ["redis/lock", "runs/t/1/alive"],
	nothing: ["redis", "runs"],
};

const CASES = Object.entries(LOOKS).flatMap(([who, look]) =>
	Object.entries(REMOVALS).map(([left, removed]) => ({ who, left, look, removed })),
);

test.skipIf(!mayLiveApart).each(CASES)(
	"$who is found from another mount namespace where $left of it is left",
	async ({ look, removed }) => {
		const home = realpathSync(temporaryFolder("same"));
		const { pid } = await holderAt("unshare", [APART, "bash", "-c", HOLDS, "bash", home], home);
		for (const path of removed) rmSync(join(home, path), { recursive: true });
		// It becomes what it is called a moment after it has said that it holds all.
		await expect.poll(() => [...look(home)], { timeout: CONDITION_LIMIT_MS }).toEqual([pid]);
	},
);
