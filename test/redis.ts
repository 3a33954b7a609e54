/** A real redis-server of a test's own: AOF on every write, never evicting, in a temporary folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisTarget } from "../src/queue/redis/connect.ts";
import { findRedisServer } from "../src/queue/redis/find-redis-server.ts";
import { askServer } from "../src/queue/redis/server-socket.ts";
import { CONDITION_LIMIT_MS } from "./patience.ts";

const PING_LIMIT_MS = 1_000;
const LOOK_MS = 10;
const PORT_TRIES = 5;

export interface TestRedisOptions {
	/** listen on a port of 127.0.0.1 too */
	port?: boolean;
	/** settings in place of the durable ones, as a command line has them: `["--appendonly", "yes"]` */
	settings?: readonly string[];
}

const DURABLE = [
	"--appendonly",
	"yes",
	"--appendfsync",
	"always",
	"--save",
	"",
	"--maxmemory-policy",
	"noeviction",
];

export class TestRedis {
	readonly folder = mkdtempSync(join(tmpdir(), "tr-"));
	readonly socketPath = join(this.folder, "redis.sock");
	readonly #settings: readonly string[];
	/** Kills it with the test process. */
	readonly atExit = () => void this.stop();
	#port = 0;
	#child: ChildProcess | undefined;

	constructor(settings: readonly string[]) {
		this.#settings = settings;
	}

	/** `redis://127.0.0.1:PORT` when it listens on a port, else the socket's. */
	get url(): string {
		return this.#port === 0 ? `unix://${this.socketPath}` : `redis://127.0.0.1:${this.#port}`;
	}

	get target(): RedisTarget {
		return this.#port === 0 ? { socketPath: this.socketPath } : { url: this.url };
	}

	get pid(): number {
		if (this.#child?.pid === undefined) throw new Error("the test's Redis does not run");
		return this.#child.pid;
	}

	/** Picks a port that is free now; another process may be faster, so it tries again. */
	async startOnFreePort(): Promise<void> {
		for (let attempt = 1; ; attempt++) {
			this.#port = await freePort();
			try {
				return await this.start();
			} catch (error) {
				if (attempt === PORT_TRIES || !String(error).includes("in use")) throw error;
			}
		}
	}

	async start(): Promise<void> {
		const program = findRedisServer(process.env);
		if (program === null)
			throw new Error("no redis-server is installed: run `node scripts/ensure.mjs --redis=test`");
		const child = spawn(program.file, this.#arguments(), {
			argv0: program.argv0,
			cwd: this.folder,
			stdio: "ignore",
		});
		this.#child = child;
		const until = performance.now() + CONDITION_LIMIT_MS;
		while ((await askServer(this.socketPath, "PING", PING_LIMIT_MS)) !== "ready" || child.exitCode !== null) {
			if (child.exitCode !== null || performance.now() > until)
				throw new Error(`Redis did not start: ${this.#log()}`);
			await sleep(LOOK_MS);
		}
	}

	/** As a crash does: what was acknowledged must survive. */
	async kill9(): Promise<void> {
		const child = this.#child;
		this.#child = undefined;
		if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
		const ended = once(child, "exit");
		child.kill("SIGKILL");
		await ended;
	}

	/** A crash, and the same server with the same data again. */
	async restart(): Promise<void> {
		await this.kill9();
		await this.start();
	}

	/** Safe to call twice. */
	async stop(): Promise<void> {
		process.off("exit", this.atExit);
		await this.kill9();
		rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
	}

	#arguments(): string[] {
		const log = join(this.folder, "redis.log");
		const place = ["--port", `${this.#port}`, "--bind", "127.0.0.1", "--unixsocket", this.socketPath];
		return [...place, "--dir", this.folder, "--logfile", log, ...this.#settings];
	}

	#log(): string {
		return readFileSync(join(this.folder, "redis.log"), "utf8").split("\n").slice(-6).join("\n");
	}
}

/** Ends with the test process, at the latest. Call `stop` when done. */
export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
	const redis = new TestRedis(options.settings ?? DURABLE);
	process.once("exit", redis.atExit);
	if (options.port) await redis.startOnFreePort();
	else await redis.start();
	return redis;
}

/** One that is free now; another process may be faster. */
export async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}
