/**
 * A service with mounts of its own (PrivateTmp of systemd, a container with the home mounted) has other ones after each
 * restart: whoever it started before works in the same directory, and is found whatever was removed there since.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { holdersOf, holdersOfTask } from "../../src/process/holders.ts";
import type { RunDir } from "../../src/process/run-dir.ts";
import { serverPlace, serversAt } from "../../src/queue/redis/server-place.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const APART = process.getuid?.() === 0 ? "-m" : "-rm";
const mayLiveApart = spawnSync("unshare", [APART, "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

/** Has what a server and an agent have, under the name of a server. */
const HOLDS = `
mkdir -p redis runs/t/1 && : >redis/lock && mkfifo runs/t/1/alive
exec 3>>redis/lock 4<>runs/t/1/alive
cd redis; echo held; exec -a "redis-server $1/redis/redis.sock" sleep 1000`;

async function holderApart(home: string): Promise<ChildProcess> {
	const child = spawn("unshare", [APART, "bash", "-c", HOLDS, "bash", home], {
		cwd: home,
		stdio: ["ignore", "pipe", "inherit"],
	});
	const ended = once(child, "exit");
	onTestFinished(async () => {
		child.kill("SIGKILL");
		await ended;
	});
	await once(child.stdout, "data");
	return child;
}

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
		const { pid } = await holderApart(home);
		for (const path of removed) rmSync(join(home, path), { recursive: true });
		// It becomes what it is called a moment after it has said that it holds all.
		await expect.poll(() => [...look(home)], { timeout: CONDITION_LIMIT_MS }).toEqual([pid]);
	},
);
