/**
 * Whatever is removed from the state directory, or put in the place of something there, while a worker lives: it stays
 * the only one, each task runs once, and who starts another one is told.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

let user: User;
afterEach(() => user?.cleanup());

const at = (name: string) => join(user.home, name);
const workers = () => user.processes().filter(({ command }) => / worker( |$)/.test(command));
const servers = () => user.processes().filter(({ command }) => command.startsWith("redis-server"));
const started = () => readFileSync(join(user.project, "starts"), "utf8").trim().split("\n").sort();

const removed = (name: string) => rmSync(at(name), { recursive: true });
/** The same bytes in another file. */
const replaced = (name: string) => {
	cpSync(at(name), at("copy"), { preserveTimestamps: true });
	renameSync(at("copy"), at(name));
};
const blocked = (name: string) => {
	removed(name);
	mkdirSync(at(name));
};

const DAMAGES: Record<string, () => void> = {
	"lock removed": () => removed("daemon.lock"),
	"lock replaced": () => replaced("daemon.lock"),
	"a directory in the lock's place": () => blocked("daemon.lock"),
	"its word removed": () => removed("daemon.json"),
	"lock and word removed": () => ["daemon.lock", "daemon.json"].map(removed),
	"lock and word replaced": () => ["daemon.lock", "daemon.json"].map(replaced),
	"all marks removed": () => ["daemon.lock", "daemon.json", "writer.json", "home-id"].map(removed),
	"the host's name removed": () => removed("host-id"),
	"the directory moved away and back": () => {
		renameSync(user.home, `${user.home}-away`);
		renameSync(`${user.home}-away`, user.home);
	},
};

test("a worker whose marks are lost stays the only one", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	const alone = workers().map(({ pid }) => pid);
	expect(alone).toHaveLength(1);
	const names = Object.keys(DAMAGES).map((_, number) => `t${number}`);
	for (const [number, [name, damage]] of Object.entries(DAMAGES).entries()) {
		const id = `t${number}`;
		damage();
		const other = user.start(["worker"]);
		await expect.poll(() => other.exitCode, { ...LIMIT, message: name }).toBe(8);
		await user.ok(["enqueue", "--id", id, "x"]);
		const isBack = () => ["daemon.json", "home-id", "host-id"].every((file) => existsSync(at(file)));
		await expect.poll(isBack, LIMIT).toBe(true);
		// One that `enqueue` started finds the place taken, and ends.
		const pids = () => workers().map(({ pid }) => pid);
		await expect.poll(pids, { ...LIMIT, message: name }).toEqual(alone);
		// A directory there is in nobody's way while a worker lives, and in that of the next one.
		rmSync(at("daemon.lock"), { recursive: true, force: true });
		writeFileSync(at("daemon.lock"), "");
	}
	for (const id of names) await user.waitForState(id, "completed");
	expect(started()).toEqual(names);
	expect(await user.ok(["down"])).toContain("The worker is stopped.");
	expect(workers()).toEqual([]);
});

const OF_REDIS = ["redis/lock", "redis/redis.sock", "redis/redis.pid"];
const taken = (name: string) => {
	rmSync(at(name), { force: true });
	writeFileSync(at(name), "");
};

test("where the marks of the local Redis are lost, worker and commands come together again on one server", async () => {
	user = new User({ agent: "starts-counted.sh", agents: { asks: "ten-line.sh" } });
	await user.ok(["enqueue", "--id", "asks", "--model", "asks", "x"]);
	await user.waitForState("asks", "asking");
	const alone = workers().map(({ pid }) => pid);
	for (const name of OF_REDIS) rmSync(at(name));
	// The worker itself: nobody need give a command.
	await expect.poll(() => existsSync(at("redis/redis.sock")), LIMIT).toBe(true);
	await user.ok(["enqueue", "--id", "one", "x"]);
	await user.waitForState("one", "completed");
	OF_REDIS.map(taken);
	await user.ok(["enqueue", "--id", "two", "x"]);
	await user.waitForState("two", "completed");
	await user.ok(["answer", "asks", "yes"]);
	await user.waitForState("asks", "completed");
	expect(started()).toEqual(["one", "two"]);
	expect(workers().map(({ pid }) => pid)).toEqual(alone);
	expect(servers()).toHaveLength(1);
	OF_REDIS.map(taken);
	expect(await user.ok(["down"])).toContain("The local Redis is stopped.");
	expect(servers()).toEqual([]);
});

const MOVES: Record<string, { do(): void; says: string }> = {
	"moved away": { do: () => renameSync(at("redis"), at("redis.moved")), says: "put back" },
	"replaced by a copy": {
		do: () => {
			cpSync(at("redis"), at("copy"), { recursive: true, filter: (path) => !path.endsWith(".sock") });
			renameSync(at("redis"), at("redis.moved"));
			renameSync(at("copy"), at("redis"));
		},
		says: "lies in",
	},
};

test.each(Object.entries(MOVES))(
	"where the directory of the local Redis is %s, worker and commands come together on one server",
	async (_name, move) => {
		user = new User({ agent: "starts-counted.sh", agents: { asks: "ten-line.sh" } });
		await user.ok(["enqueue", "--id", "asks", "--model", "asks", "x"]);
		await user.waitForState("asks", "asking");
		const alone = workers().map(({ pid }) => pid);
		move.do();
		const { stderr } = await user.run(["enqueue", "--id", "one", "x"]);
		await user.waitForState("one", "completed");
		await user.ok(["answer", "asks", "yes"]);
		await user.waitForState("asks", "completed");
		await expect.poll(() => servers().length, LIMIT).toBe(1);
		expect(workers().map(({ pid }) => pid)).toEqual(alone);
		// By whoever came first.
		expect(stderr + readFileSync(at("daemon.log"), "utf8")).toContain(move.says);
		expect(await user.ok(["down"])).toContain("The local Redis is stopped.");
		expect(servers()).toEqual([]);
	},
);

test("where another directory stands in the place of its own, it leaves, and the next worker is that one's", async () => {
	const redis = await startTestRedis({ port: true });
	onTestFinished(() => redis.stop());
	user = new User({ agent: "starts-counted.sh", redis: redis.url });
	await user.ok(["up"]);
	const [first] = workers().map(({ pid }) => pid);
	cpSync(user.home, `${user.home}-copy`, { recursive: true });
	renameSync(user.home, `${user.home}-before`);
	renameSync(`${user.home}-copy`, user.home);
	await expect.poll(() => workers().map(({ pid }) => pid), LIMIT).toEqual([]);
	await user.ok(["enqueue", "--id", "one", "x"]);
	await user.waitForState("one", "completed");
	const [next, ...more] = workers().map(({ pid }) => pid);
	expect(next).not.toBe(first);
	expect(more).toEqual([]);
	expect(started()).toEqual(["one"]);
});
