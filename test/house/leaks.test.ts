/** What `test/leaks.ts` looks for after every test file is seen while it is open, and not when it was given back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, watch } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { openResources } from "../open-resources.ts";
import { pendingTimers } from "../pending-timers.ts";
import { childrenOf } from "../processes.ts";
import { startTestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SECOND_MS = 1_000;
const LONG_MS = 3_600_000;

/** Both ends keep nothing alive. */
async function connection(place: string | number): Promise<() => void> {
	const server: Server = createServer((other) => other.unref());
	server.listen(place);
	await once(server, "listening");
	const address = server.address();
	const socket: Socket = connect(
		typeof address === "string" ? { path: address } : { port: address?.port ?? 0 },
	);
	await once(socket, "connect");
	socket.unref();
	server.close();
	return () => socket.destroy();
}

const nothing = () => {};

/** What is opened → how it is given back, and how it is told. */
const KINDS: [what: string, told: RegExp, open: (folder: string) => Promise<() => void>][] = [
	["a connection to a socket's file", /^handle pipe/, (folder) => connection(join(folder, "s"))],
	["a connection over TCP", /^handle tcp/, () => connection(0)],
	[
		"a server that keeps nothing alive",
		/^handle tcp/,
		async () => {
			const server = createServer().listen(0).unref();
			await once(server, "listening");
			return () => server.close();
		},
	],
	[
		"a Redis client whose server is gone, between two tries",
		/^timer made .*ioredis/,
		async () => {
			const redis = await startTestRedis();
			const client = new Redis({ path: redis.socketPath, retryStrategy: () => LONG_MS });
			client.on("error", nothing);
			await client.ping();
			const closed = once(client, "reconnecting");
			await redis.stop();
			await closed;
			return () => client.disconnect();
		},
	],
	[
		"an interval",
		/^timer made .*leaks\.test/,
		async () => {
			const timer = setInterval(nothing, SECOND_MS);
			return () => clearInterval(timer);
		},
	],
	[
		"a timer that keeps nothing alive",
		/^timer made .*leaks\.test/,
		async () => {
			const timer = setTimeout(nothing, LONG_MS).unref();
			return () => clearTimeout(timer);
		},
	],
	[
		"a sleep",
		/^timer made .*leaks\.test/,
		async () => {
			const stop = new AbortController();
			sleep(LONG_MS, undefined, { signal: stop.signal, ref: false }).catch(nothing);
			return () => stop.abort();
		},
	],
	[
		"a listener of the process",
		/^listener of SIGUSR2/,
		async () => {
			process.on("SIGUSR2", nothing);
			return () => process.off("SIGUSR2", nothing);
		},
	],
	[
		"a watch that keeps nothing alive",
		/^handle fs_event/,
		async (folder) => {
			const watcher = watch(folder, { persistent: false });
			return () => watcher.close();
		},
	],
	[
		"a file outside the test's folder",
		/^descriptor of .*package\.json/,
		async () => {
			const fd = openSync(join(import.meta.dirname, "../../package.json"), "r");
			return () => closeSync(fd);
		},
	],
	[
		"a child with an empty environment that keeps nothing alive",
		/^child .*sleep/,
		async () => {
			const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore", env: {}, cwd: "/", detached: true });
			await once(child, "spawn");
			child.unref();
			return () => child.kill("SIGKILL");
		},
	],
];

/** One line for each thing that is open. */
function openNow(): string[] {
	const resources = [...openResources()].flatMap(([kind, count]) => Array<string>(count).fill(kind));
	const children = childrenOf(process.pid).map(({ command }) => `child ${command}`);
	return [...resources, ...pendingTimers(), ...children];
}

test.each(KINDS)("%s", async (_what, told, open) => {
	const count = () => openNow().filter((line) => told.test(line)).length;
	const before = count();
	const giveBack = await open(temporaryFolder("lk"));
	expect(count()).toBeGreaterThan(before);
	giveBack();
	await expect.poll(count).toBe(before);
});
