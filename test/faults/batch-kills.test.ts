/**
 * A submission of a batch is cut off by kill -9, of the submitter or of Redis, after so many bytes that it sent: at
 * seeded points of the whole, and around the call that publishes. All of it is there then, or nothing; the same
 * submission again puts all of it in, once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newestBatches, tasksOfBatch } from "../../src/queue/records/batches.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { Random, SEED, WHOLE } from "../chance.ts";
import { bundled, source } from "../process/bundled.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const TASKS = 600;
const POINTS = WHOLE ? 10 : 4;
const NAMESPACE = "test";

/** Passes on what a program sends, up to a byte, and then does something in place of the rest. */
class CutAt {
	readonly path = join(temporaryFolder("cut"), "cut.sock");
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	sent = 0;
	/** after so many bytes; what is behind them never comes */
	limit = Number.POSITIVE_INFINITY;
	act: () => void = () => {};

	constructor(redis: string) {
		this.#server = createServer((client) => this.#join(client, createConnection(redis)));
	}

	async start(): Promise<void> {
		this.#server.listen(this.path);
		await once(this.#server, "listening");
	}

	reset(limit: number, act: () => void): void {
		this.sent = 0;
		this.limit = limit;
		this.act = act;
	}

	#join(client: Socket, redis: Socket): void {
		if (this.sent >= this.limit) client.destroy();
		for (const [one, other] of [
			[client, redis],
			[redis, client],
		] as const) {
			this.#sockets.add(one);
			one.on("error", () => {});
			one.on("close", () => {
				this.#sockets.delete(one);
				other.destroy();
			});
		}
		client.on("data", (bytes) => {
			const room = this.limit - this.sent;
			if (room <= 0) return;
			this.sent += Math.min(room, bytes.length);
			// Redis has them, whatever comes after.
			redis.write(bytes.subarray(0, room), () => {
				if (this.sent >= this.limit) this.act();
			});
		});
		redis.on("data", (bytes) => {
			if (this.sent < this.limit) client.write(bytes);
		});
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, "close");
	}
}

const SUBMITTER = `
import { writeFileSync } from "node:fs";
import { Orders } from ${source("config/orders.ts")};
import { submitBatch } from ${source("producer/submit-batch.ts")};
import { openStore } from ${source("queue/records/open.ts")};
const [socketPath, home, specs] = process.argv.slice(2);
const { readFileSync } = await import("node:fs");
const tasks = JSON.parse(readFileSync(specs, "utf8"));
const store = await openStore({ target: { socketPath }, namespace: "${NAMESPACE}", role: "command" });
const about = { name: null, key: "k", file: "/p/tasks.yaml", host: "h1", createdBy: "me@here" };
const info = { ...about, maxParallel: 0, onFailure: "skip_dependents", budgetUsd: null };
await submitBatch({ store, orders: new Orders(home, "${NAMESPACE}"), taskEnv: null }, info, tasks);
await store.close();
`;

let redis: TestRedis;
let cut: CutAt;
let store: Store;
let program: string;
let home: string;
let specs: string;
/** bytes of a whole submission, and of the call that publishes */
let whole: number;

beforeAll(async () => {
	const folder = temporaryFolder("batch-kills");
	program = await bundled(folder, SUBMITTER);
	home = join(folder, "h");
	specs = join(folder, "specs.json");
	mkdirSync(home);
	redis = await startTestRedis();
	cut = new CutAt(redis.socketPath);
	await cut.start();
	store = await openStore({ target: redis.target, namespace: NAMESPACE, role: "service" });
	writeFileSync(specs, JSON.stringify(Array.from({ length: TASKS }, (_, n) => taskOf(n))));
	cut.reset(Number.POSITIVE_INFINITY, () => {});
	expect(await ended(submitter())).toBe(0);
	whole = cut.sent;
});
afterAll(async () => {
	await store?.close();
	await cut?.stop();
	await redis?.stop();
});
beforeEach(async () => {
	await store.client.flushall();
	// As at first: a script that Redis knows is not sent again.
	await store.client.script("FLUSH");
});

/** Each third one waits for the one before it. */
function taskOf(n: number) {
	const spec = {
		...{ id: `t-${n}`, prompt: `Do ${n}`, cwd: home, worktree: null, model: null, backend: "fake" },
		...{ promptAddition: null, permissions: null, modelReason: "default", givenItems: [], planText: null },
		...{
			priority: 100,
			tags: {},
			after: n % 3 === 2 ? [`t-${n - 1}`] : [],
			contextFiles: [],
			notBefore: null,
		},
		...{ deadlineMs: null, budgetUsd: null, verify: null, setup: null, attempts: 2, unattended: false },
		...{ host: "h1", createdBy: "me@here", nonce: `nonce-${n}`, inactivityMs: 1_000, questionWaitMs: 1_000 },
	};
	return { spec, explicitId: true, key: { key: `k/${n}`, hash: "h" } };
}

function submitter(): ChildProcess {
	return spawn(process.execPath, [program, cut.path, home, specs], { stdio: "ignore" });
}

async function ended(child: ChildProcess): Promise<number | string | null> {
	const [code, signal] = await once(child, "exit");
	return code ?? signal;
}

/** Half of them anywhere, half of them within the last call and at its end. */
function pointOf(n: number): number {
	if (n === POINTS - 1) return whole;
	const from = n % 2 === 0 ? 0 : whole * 0.85;
	return Math.max(1, Math.floor(from + new Random(SEED + n).next() * (whole - from)));
}

/** @returns how many tasks anybody can see, or run */
async function seen(): Promise<number> {
	const names = await store.client.keys("*");
	const lasting: string[] = [];
	for (const name of names) if ((await store.client.pttl(name)) === -1) lasting.push(name);
	const { keys } = store;
	const ids = await store.ids();
	const tasks = lasting.filter((name) => name.startsWith(keys.task("")));
	const lists = [
		tasks.length,
		await store.client.zcard(keys.active("h1")),
		await store.client.hlen(`${keys.prefix}:keys`),
		(await store.client.zcard(keys.outbox)) + (await waiting()),
		(await tasksOfBatch(store, "k")).length,
		(await newestBatches(store)).batches[0]?.size ?? 0,
	];
	expect(lists, "each list says the same").toEqual(lists.map(() => ids.length));
	// Where there are none, nothing else lasts either.
	expect(ids.length > 0 ? [] : lasting).toEqual([]);
	return ids.length;
}

async function waiting(): Promise<number> {
	return [...(await store.states()).values()].filter((state) => state === "waiting").length;
}

async function allAreThere(): Promise<void> {
	expect(await seen()).toBe(TASKS);
	expect(await waiting()).toBe(TASKS / 3);
	expect(await store.client.keys("*:staged:*").then((left) => left.length)).toBeLessThanOrEqual(TASKS);
}

const KILLS: Record<string, (child: () => ChildProcess) => Promise<void>> = {
	"the submitter": async (child) => {
		child().kill("SIGKILL");
	},
	Redis: async () => {
		await redis.kill9();
		await redis.start();
	},
};

describe.each(Object.keys(KILLS))("kill -9 of %s", (who) => {
	test.each(Array.from({ length: POINTS }, (_, n) => n))(
		`at point %i (seed ${SEED}) leaves all of the batch or nothing, and the same again makes it whole`,
		async (n) => {
			let child: ChildProcess | undefined;
			let done: Promise<void> | undefined;
			cut.reset(pointOf(n), () => {
				done ??= (KILLS[who] as (typeof KILLS)[string])(() => child as ChildProcess);
			});
			child = submitter();
			const code = await ended(child);
			await done;
			expect(cut.sent, "it was cut off").toBe(cut.limit);
			// Who met it when all was accepted has nothing more to lose.
			expect(code === 0 ? [TASKS] : [0, TASKS]).toContain(await seen());
			cut.reset(Number.POSITIVE_INFINITY, () => {});
			expect(await ended(submitter())).toBe(0);
			await allAreThere();
		},
	);
});
