/** The directory of the local server moved, replaced or removed while it runs: its data are found, or it is told where they lie. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	cpSync,
	existsSync,
	mkdirSync,
	openSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { findRedisServer } from "../../../src/queue/redis/find-redis-server.ts";
import {
	ensureLocalServer,
	localServerState,
	settleIfMoved,
	stopLocalServer,
} from "../../../src/queue/redis/local-server.ts";
import { serverPlace, serversAt } from "../../../src/queue/redis/server-place.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { processesOf } from "../../processes.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 20 };

let root: string;
let home: { path: string };
let told: string[];
const warn = (line: string) => void told.push(line);
const at = (name: string) => join(home.path, name);

beforeEach(() => {
	root = temporaryFolder("ms");
	home = { path: join(root, "h") };
	mkdirSync(home.path);
	writeFileSync(at("home-id"), "0123456789abcdef\n");
	told = [];
});

afterEach(async () => {
	await stopLocalServer(home);
	expect(servers()).toEqual([]);
});

const servers = () => processesOf(root).filter(({ command }) => command.startsWith("redis-server"));
const moved = () => renameSync(at("redis"), at("redis.moved"));

interface Damage {
	do(): void;
	/** what the next one finds; null: nothing */
	kept: string | null;
	says?: RegExp;
}

const BACK = /had been moved to .*redis\.moved .*put back/;
const LIES = /What was known lies in .*redis\.moved/;

const DAMAGES: Record<string, Damage> = {
	moved: { do: moved, kept: "late", says: BACK },
	"moved out of the state directory": {
		do: () => renameSync(at("redis"), join(root, "redis")),
		kept: "late",
		says: /put back/,
	},
	"moved, and an empty one made in its place": {
		do: () => {
			moved();
			mkdirSync(at("redis"));
		},
		kept: "late",
		says: BACK,
	},
	"replaced by a copy": {
		do: () => {
			moved();
			renameSync(at("copy"), at("redis"));
		},
		kept: "early",
		says: LIES,
	},
	"replaced by a link to the moved one": {
		do: () => {
			moved();
			symlinkSync("redis.moved", at("redis"));
		},
		kept: "late",
	},
	"moved, and removed there": {
		do: () => {
			moved();
			rmSync(at("redis.moved"), { recursive: true });
		},
		kept: null,
		says: /is gone/,
	},
	removed: { do: () => rmSync(at("redis"), { recursive: true }), kept: null },
	"moved and back with all of the state directory": {
		do: () => {
			renameSync(home.path, join(root, "away"));
			renameSync(join(root, "away"), home.path);
		},
		kept: "late",
	},
};

const CASES = Object.entries(DAMAGES).flatMap(([name, damage]) =>
	["the next command", "the worker"].map((who) => [name, who, damage] as const),
);

test.each(CASES)("%s: %s finds what it can, and one server is left", async (_name, who, damage) => {
	const { socketPath } = await ensureLocalServer(home, warn);
	const client = new Redis({ path: socketPath, retryStrategy: () => 20, maxRetriesPerRequest: null });
	client.on("error", () => {});
	onTestFinished(() => client.disconnect());
	await client.set("kept", "early");
	cpSync(at("redis"), at("copy"), { recursive: true, filter: (path) => !path.endsWith(".sock") });
	await client.set("kept", "late");
	const socket = settleIfMoved(home, null, warn);
	expect(told).toEqual([]);
	damage.do();
	if (who === "the worker") settleIfMoved(home, socket, warn);
	await ensureLocalServer(home, warn);
	// Also who was connected all the time.
	await expect.poll(() => client.get("kept"), LIMIT).toBe(damage.kept);
	await expect.poll(() => servers().length, LIMIT).toBe(1);
	// Again at each look until it has ended.
	expect([...new Set(told)]).toEqual(damage.says === undefined ? [] : [expect.stringMatching(damage.says)]);
	expect(await stopLocalServer(home, warn)).toBe(true);
	expect(servers()).toEqual([]);
});

test("a stop ends the server of a moved directory too, and its data lie at their place again", async () => {
	await ensureLocalServer(home, warn);
	moved();
	expect(await stopLocalServer(home, warn)).toBe(true);
	expect(servers()).toEqual([]);
	expect(existsSync(at("redis/appendonlydir"))).toBe(true);
});

test("the server of a state directory that was moved as a whole is that one's, and is left alone", async () => {
	await ensureLocalServer(home, warn);
	const there = { path: join(root, "away") };
	renameSync(home.path, there.path);
	mkdirSync(home.path);
	expect(await stopLocalServer(home, warn)).toBe(false);
	expect(servers()).toHaveLength(1);
	expect(localServerState(there)).toBe("running");
	expect(await stopLocalServer(there, warn)).toBe(true);
	expect(told).toEqual([]);
});

test.each([
	["stands in its directory with its lock open", 'cd "$1/redis"; exec 3>>lock'],
	["says so in its arguments, and has its lock open elsewhere", 'cd "$1"; exec 3>>redis/lock'],
	["says in its pid file that it is the server", 'cd "$1/redis"; exec 3>>lock; echo $$ >redis.pid'],
])("a process that %s is no server: one is started, and it lives on", async (_what, hold) => {
	mkdirSync(at("redis"), { mode: 0o700 });
	const words = ["-c", `${hold}; echo held; exec sleep 1000`, "sh", home.path];
	const child = spawn("sh", words, { stdio: ["ignore", "pipe", "inherit"] });
	const ended = once(child, "close");
	onTestFinished(async () => {
		child.kill("SIGKILL");
		await ended;
	});
	await once(child.stdout, "data");
	expect(localServerState(home)).toBe("stopped");
	await ensureLocalServer(home, warn);
	expect(serversAt(serverPlace(home.path))).toEqual(servers().map(({ pid }) => pid));
	expect(await stopLocalServer(home, warn)).toBe(true);
	expect([child.exitCode, child.signalCode]).toEqual([null, null]);
});

test("a server that works elsewhere with the lock of this directory open is none of its", async () => {
	const other = { path: join(root, "other") };
	mkdirSync(join(other.path, "redis"), { recursive: true });
	mkdirSync(at("redis"), { mode: 0o700 });
	// As an agent might start it: with everything of ours but its directory.
	const cwd = join(other.path, "redis");
	const lock = openSync(at("redis/lock"), "a");
	const program = findRedisServer(process.env);
	const child = spawn(program?.file ?? "", ["--port", "0", "--unixsocket", join(cwd, "s"), "--save", ""], {
		argv0: "redis-server",
		cwd,
		stdio: ["ignore", "ignore", "ignore", lock],
	});
	closeSync(lock);
	const ended = once(child, "close");
	onTestFinished(() => void child.kill("SIGKILL"));
	await expect.poll(() => existsSync(join(other.path, "redis/s")), LIMIT).toBe(true);
	expect(localServerState(home)).toBe("stopped");
	expect(await stopLocalServer(home, warn)).toBe(false);
	expect([child.exitCode, child.signalCode]).toEqual([null, null]);
	child.kill("SIGKILL");
	await ended;
});

/** Says that it is a server of the path, whatever it is. */
const IMITATES = (path: string) => `process.on("SIGTERM", () => {});
require("node:net").createServer().listen("${path}", () => console.log("listens"));`;

async function imitator(): Promise<void> {
	const { socketPath } = serverPlace(home.path);
	const args = ["-c", 'exec -a redis-server "$0" -e "$1"', process.execPath, IMITATES(socketPath)];
	const child = spawn("bash", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
	const closed = once(child, "close");
	onTestFinished(async () => {
		child.kill("SIGKILL");
		await closed;
	});
	await once(child.stdout, "data");
	rmSync(socketPath);
}

const DEAF: Record<string, () => Promise<void>> = {
	"a moved server that was stopped": async () => {
		await ensureLocalServer(home, warn);
		const [server] = servers();
		renameSync(at("redis"), at(`redis.${server?.pid}`));
		mkdirSync(at("redis"));
		writeFileSync(at("redis/other"), "");
		process.kill(server?.pid ?? 0, "SIGSTOP");
	},
	"what only says that it is one, and hears nothing": async () => {
		mkdirSync(at("redis"), { recursive: true, mode: 0o700 });
		await imitator();
	},
};

test.each(Object.entries(DEAF))("%s keeps out the next one no longer than a while", async (_what, make) => {
	await make();
	await ensureLocalServer(home, warn, { answerMs: 12_000, loadingMs: 12_000 });
	await expect.poll(() => servers().length).toBe(1);
	expect(await stopLocalServer(home, warn)).toBe(true);
	await make();
	expect(await stopLocalServer(home, warn)).toBe(true);
	expect(servers()).toEqual([]);
});
