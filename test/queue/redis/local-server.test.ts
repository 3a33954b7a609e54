import { execFile, execFileSync, spawnSync } from "node:child_process";
import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { fetchRedis } from "../../../src/process/fetch-redis.ts";
import { findRedisServer, installHint } from "../../../src/queue/redis/find-redis-server.ts";
import {
	ensureLocalServer,
	localServerState,
	stopLocalServer,
} from "../../../src/queue/redis/local-server.ts";
import { serverPid, serverPlace } from "../../../src/queue/redis/server-place.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const SHORT = { answerMs: 500, loadingMs: 60_000 };
const TOGETHER = 10;

let home: { path: string };

beforeEach(() => {
	home = { path: temporaryFolder("ls") };
});

afterEach(async () => {
	for (const pid of serversOf(home.path)) process.kill(pid, "SIGCONT");
	await stopLocalServer(home);
	expect(serversOf(home.path)).toEqual([]);
});

/** @returns gives the most that were seen to live at once since */
function mostServers(): () => number {
	let most = 0;
	const look = () => {
		most = Math.max(most, serversOf(home.path).length);
	};
	const looking = setInterval(look, 5);
	return () => {
		look();
		clearInterval(looking);
		return most;
	};
}

/** Every server that works in the directory, whatever the files there say, and whether it is still there. */
function serversOf(path: string): number[] {
	const dir = serverPlace(path).dir;
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.filter((name) => {
			try {
				return (
					readlinkSync(`/proc/${name}/cwd`).replace(/ \(deleted\)$/, "") === dir &&
					readFileSync(`/proc/${name}/comm`, "utf8").startsWith("redis")
				);
			} catch {
				return false;
			}
		})
		.map(Number);
}

async function withClient<T>(socketPath: string, work: (client: Redis) => Promise<T>): Promise<T> {
	const client = new Redis({ path: socketPath });
	try {
		return await work(client);
	} finally {
		client.disconnect();
	}
}

const settingsOf = (socketPath: string) =>
	withClient(socketPath, (client) =>
		client.config("GET", "port", "appendonly", "appendfsync", "maxmemory-policy", "save"),
	) as Promise<string[]>;

describe("a start", () => {
	test("gives a durable server without a port, which the next one finds; a stop is idempotent", async () => {
		expect(localServerState(home)).toBe("stopped");
		expect(await stopLocalServer(home)).toBe(false);
		const { socketPath } = await ensureLocalServer(home);
		const [pid] = serversOf(home.path);
		expect(await ensureLocalServer(home)).toMatchObject({ socketPath });
		expect(serversOf(home.path)).toEqual([pid]);
		expect(localServerState(home)).toBe("running");
		const settings = await settingsOf(socketPath);
		const pairs = Object.fromEntries(
			settings.flatMap((name, at) => (at % 2 === 0 ? [[name, settings[at + 1]]] : [])),
		);
		expect(pairs).toEqual({
			port: "0",
			appendonly: "yes",
			appendfsync: "always",
			"maxmemory-policy": "noeviction",
			save: "",
		});
		expect(statSync(join(home.path, "redis")).mode & 0o777).toBe(0o700);
		expect(statSync(socketPath).mode & 0o777).toBe(0o700);
		expect(await stopLocalServer(home)).toBe(true);
		expect(await stopLocalServer(home)).toBe(false);
		expect(localServerState(home)).toBe("stopped");
	});

	test(`of ${TOGETHER} processes at once gives one server, free of the agent's marks`, async () => {
		const program = join(home.path, "start.cjs");
		const source =
			'import { ensureLocalServer } from "./src/queue/redis/local-server.ts"; ensureLocalServer({ path: process.argv[2] });';
		const stdin = { contents: source, resolveDir: join(import.meta.dirname, "../../..") };
		await build({
			stdin,
			bundle: true,
			platform: "node",
			format: "cjs",
			outfile: program,
			logLevel: "error",
		});
		const env = { ...process.env, DISPATCH_RUN: "nonce", DISPATCH_TASK: "task" };
		const start = () => promisify(execFile)(process.execPath, [program, home.path], { env });
		await Promise.all(Array.from({ length: TOGETHER }, start));
		const servers = serversOf(home.path);
		expect(servers).toHaveLength(1);
		expect(serverPid(serverPlace(home.path))).toBe(servers[0]);
		expect(readFileSync(`/proc/${servers[0]}/environ`, "latin1")).not.toMatch(/DISPATCH_(RUN|TASK)=/);
	});

	test("works in a state directory of 200 characters", async () => {
		const long = { path: join(home.path, "x".repeat(200 - home.path.length - 1)) };
		mkdirSync(long.path);
		onTestFinished(() => stopLocalServer(long).then(() => {}));
		const { socketPath } = await ensureLocalServer(long);
		expect(Buffer.byteLength(socketPath)).toBeLessThanOrEqual(107);
		expect(await withClient(socketPath, (client) => client.ping())).toBe("PONG");
		expect(existsSync(join(long.path, "redis", "appendonlydir"))).toBe(true);
		expect(await stopLocalServer(long)).toBe(true);
		expect(existsSync(dirname(socketPath))).toBe(false);
		// And the same again.
		expect(await ensureLocalServer(long)).toMatchObject({ socketPath });
	});
});

describe("the server program", () => {
	const program = (folder: string, name: string) =>
		writeFileSync(join(folder, name), "#!/bin/sh\n", { mode: 0o755 });

	test("is the first of its kind on PATH, the checker of the same build in its place", () => {
		const folder = temporaryFolder("bin");
		const find = () => findRedisServer({ PATH: `relative:${folder}` }, null, []);
		mkdirSync(join(folder, "redis-server"));
		writeFileSync(join(folder, "valkey-server"), "not a program", { mode: 0o644 });
		expect(find()).toBeNull();
		program(folder, "redis-check-rdb");
		expect(find()).toEqual({ file: join(folder, "redis-check-rdb"), argv0: "redis-server", libraries: null });
		chmodSync(join(folder, "valkey-server"), 0o755);
		expect(find()).toEqual({ file: join(folder, "valkey-server"), argv0: "redis-server", libraries: null });
	});

	test("is fetched without root: apt downloads Debian's package, and it is unpacked, not installed", async () => {
		const installed = findRedisServer(process.env);
		if (installed === null) throw new Error("There is no redis-server.");
		const root = temporaryFolder("deb");
		mkdirSync(join(root, "DEBIAN"));
		mkdirSync(join(root, "usr/bin"), { recursive: true });
		mkdirSync(join(root, "usr/lib/x86_64-linux-gnu"), { recursive: true });
		copyFileSync(installed.file, join(root, "usr/bin/redis-check-rdb"));
		const control =
			"Package: redis-tools\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n";
		writeFileSync(join(root, "DEBIAN/control"), control);
		const tools = temporaryFolder("apt");
		execFileSync("dpkg-deb", ["--build", "-Znone", root, join(tools, "redis-tools.deb")], {
			stdio: "ignore",
		});
		const depends = "echo redis-tools; echo '  Depends: libc6'; echo '  Depends: libjemalloc2'";
		writeFileSync(join(tools, "apt-cache"), `#!/bin/sh\n${depends}\n`, { mode: 0o755 });
		const download = `echo "$@" > ${tools}/asked; cp ${tools}/redis-tools.deb .`;
		writeFileSync(join(tools, "apt-get"), `#!/bin/sh\n${download}\n`, { mode: 0o755 });
		const before = process.env.PATH;
		process.env.PATH = `${tools}:${before}`;
		try {
			expect(await fetchRedis(home.path)).toBeNull();
			expect(readFileSync(join(tools, "asked"), "utf8")).toContain("download redis-tools libjemalloc2\n");
			writeFileSync(join(tools, "apt-get"), "#!/bin/sh\necho 'E: no network' >&2; exit 100\n");
			expect(await fetchRedis(home.path)).toBe("E: no network");
		} finally {
			process.env.PATH = before;
		}
		const found = findRedisServer({ PATH: "" }, home.path, []);
		expect(found).toMatchObject({
			argv0: "redis-server",
			libraries: expect.stringContaining("x86_64-linux-gnu"),
		});
		const { stdout } = spawnSync(found?.file ?? "", ["--version"], {
			argv0: "redis-server",
			encoding: "utf8",
		});
		expect(stdout).toMatch(/^Redis server v=/);
	});

	test("is named per platform when it is missing", () => {
		expect(installHint("linux")).toMatch(/redis-tools.*valkey.*docker compose/);
		expect(installHint("darwin")).toMatch(/brew install redis.*docker compose/);
	});
});

describe("a server that hangs or dies", () => {
	test("keeps its directory while it is stopped: the next start is refused in time, and goes on later", async () => {
		const { socketPath } = await ensureLocalServer(home);
		const [pid] = serversOf(home.path) as [number];
		process.kill(pid, "SIGSTOP");
		const refusal = {
			code: "DISPATCH_REDIS_UNREACHABLE",
			hint: expect.stringContaining(`kill -CONT ${pid}`),
		};
		await expect(ensureLocalServer(home, () => {}, SHORT)).rejects.toMatchObject(refusal);
		expect(serversOf(home.path)).toEqual([pid]);
		expect(localServerState(home)).toBe("running");
		process.kill(pid, "SIGCONT");
		expect(await ensureLocalServer(home)).toMatchObject({ socketPath });
		expect(serversOf(home.path)).toEqual([pid]);
	});

	const at = (name: string) => join(home.path, "redis", name);
	const removed = (name: string) => rmSync(at(name), { force: true });
	const replaced = (name: string) => {
		removed(name);
		writeFileSync(at(name), "");
	};
	test.each<[string, () => void]>([
		["lock", () => removed("lock")],
		["socket", () => removed("redis.sock")],
		["lock and socket", () => ["lock", "redis.sock"].map(removed)],
		["lock, socket and pid", () => ["lock", "redis.sock", "redis.pid"].map(removed)],
		[
			"lock, socket and pid, of which other files took the places",
			() => ["lock", "redis.sock", "redis.pid"].map(replaced),
		],
	])(
		"without its %s stays the only one, or goes before the next one comes; nothing is lost",
		async (_, damage) => {
			const { socketPath } = await ensureLocalServer(home);
			await withClient(socketPath, (client) => client.set("kept", "yes"));
			damage();
			const most = mostServers();
			await Promise.all([1, 2, 3].map(() => ensureLocalServer(home)));
			expect(await withClient(socketPath, (client) => client.get("kept"))).toBe("yes");
			expect(most()).toBe(1);
			damage();
			expect(await stopLocalServer(home)).toBe(true);
		},
	);

	test("without its directory goes before the next one comes, and is ended by a stop", async () => {
		await ensureLocalServer(home);
		rmSync(join(home.path, "redis"), { recursive: true });
		const most = mostServers();
		await ensureLocalServer(home);
		expect(most()).toBe(1);
		rmSync(join(home.path, "redis"), { recursive: true });
		expect(await stopLocalServer(home)).toBe(true);
		expect(serversOf(home.path)).toEqual([]);
	});

	test("and is killed loses nothing that it acknowledged", async () => {
		const { socketPath } = await ensureLocalServer(home);
		await withClient(socketPath, async (client) => {
			await client.set("kept", "yes");
			process.kill(serversOf(home.path)[0] as number, "SIGKILL");
		});
		await vi.waitFor(() => expect(localServerState(home)).toBe("stopped"), {
			timeout: CONDITION_LIMIT_MS,
			interval: 20,
		});
		await ensureLocalServer(home);
		expect(await withClient(socketPath, (client) => client.get("kept"))).toBe("yes");
	});

	test("of damaged data says what it said", async () => {
		await ensureLocalServer(home);
		await stopLocalServer(home);
		const aof = join(home.path, "redis", "appendonlydir", "appendonly.aof.manifest");
		await promisify(execFile)("sh", ["-c", 'echo "not a manifest" > "$1"', "sh", aof]);
		await expect(ensureLocalServer(home)).rejects.toMatchObject({
			code: "DISPATCH_REDIS_UNREACHABLE",
			message: expect.stringMatching(/did not start: it ended with code 1\. It said: .*manifest/i),
		});
	});
});
