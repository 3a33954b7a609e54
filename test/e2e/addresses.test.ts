/** Several Redis addresses on one host: each has a worker and a state directory of its own, and all simply work. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { directoryFor } from "../../src/config/state-directory.ts";
import { LOCAL_PLACE, placeOf } from "../../src/task/address.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { type Ran, type Task, User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 200 };

let user: User;
let redis: TestRedis | undefined;
afterEach(async () => {
	await user.cleanup();
	await redis?.stop();
	redis = undefined;
});

/** One address, as a person at a shell has it in the environment. */
class Address {
	readonly env: Record<string, string>;
	readonly cwd: string;
	readonly #directory: () => string;

	/** @param url null: the local server */
	constructor(name: string, url: string | null) {
		this.env = url === null ? {} : { DISPATCH_REDIS_URL: url };
		this.cwd = join(user.path, name);
		mkdirSync(this.cwd);
		this.#directory = () => directoryFor(user.home, url);
	}

	get directory(): string {
		return this.#directory();
	}

	ok(args: string[], code = 0): Promise<string> {
		return user.ok(args, { env: this.env, cwd: this.cwd, code });
	}

	run(args: string[]): Promise<Ran> {
		return user.run(args, { env: this.env, cwd: this.cwd });
	}

	async status(id: string): Promise<Task> {
		return JSON.parse(await this.ok(["status", id, "--json"])) as Task;
	}

	state(id: string): Promise<string> {
		return this.status(id).then(({ state }) => state);
	}

	fileOf(id: string, name: string): string {
		return readFileSync(join(this.cwd, ".dispatch", "tasks", id, name), "utf8");
	}

	pid(): number {
		const text = readFileSync(join(this.directory, "daemon.json"), "utf8");
		return (JSON.parse(text) as { identity: { pid: number } }).identity.pid;
	}
}

test.each([
	{ order: "the local server first, then a URL", localIsFirst: true },
	{ order: "a URL first, then the local server", localIsFirst: false },
])("two addresses side by side: $order", async ({ localIsFirst }) => {
	user = new User({ agent: "looks-inside.sh" });
	redis = await startTestRedis({ port: true });
	const places = [null, redis.url];
	const [first, second] = (localIsFirst ? places : places.reverse()).map(
		(url, i) => new Address(`p${i}`, url),
	) as [Address, Address];

	// The same id at both, each in its own project; each is asked, answered and told apart.
	for (const each of [first, second]) {
		await each.ok(["enqueue", "--id", "same", "x"]);
		await each.ok(["wait", "same", "--for", "question"], 3);
	}
	expect(first.directory).toBe(user.home);
	expect(second.directory).toMatch(/\/h\/at\/[0-9a-f]{16}$/);
	const pids = [first.pid(), second.pid()] as const;
	expect(new Set(pids).size).toBe(2);
	for (const each of [first, second]) {
		expect(each.fileOf("same", "home").trim()).toBe(each.directory);
		expect(JSON.parse(each.fileOf("same", "listed"))).toMatchObject([{ id: "same", state: "running" }]);
		expect(each.fileOf("same", "refused")).toContain("DISPATCH_NESTED");
	}

	// Each names the other one.
	const names = (address: Address) =>
		address === first ? placeText(localIsFirst) : placeText(!localIsFirst);
	for (const [here, other] of [
		[first, second],
		[second, first],
	] as const) {
		for (const command of ["status", "doctor"])
			expect(await here.ok([command])).toContain(`(pid ${other.pid()}) serves ${names(other)}`);
	}

	// A worker that dies takes nothing of the other along.
	for (const pid of pids) killIfThere(pid);
	await second.ok(["answer", "same", "blue"]);
	await expect.poll(() => second.state("same"), LIMIT).toBe("completed");
	expect(await first.state("same")).toBe("asking");
	await first.ok(["answer", "same", "red"]);
	await expect.poll(() => first.state("same"), LIMIT).toBe("completed");
	expect([first.fileOf("same", "output.md"), second.fileOf("same", "output.md")]).toEqual([
		"red\n",
		"blue\n",
	]);
	for (const each of [first, second]) expect(await each.status("same")).toMatchObject({ epoch: 1 });

	// `down` is for one of them, and says who stays.
	const stays = first.pid();
	const said = await second.ok(["down"]);
	expect(said).toContain("The worker is stopped.");
	expect(said).toContain(`(pid ${stays}) serves ${names(first)}`);
	expect(await first.ok(["up"])).toContain(`was up already (pid ${stays}`);
	expect(await second.ok(["down"])).toContain("No worker was running.");
});

function placeText(isLocal: boolean): string {
	return isLocal ? LOCAL_PLACE : placeOf(redis?.url ?? "");
}

test("one address in another spelling is the same worker; files of a task are never another address's", async () => {
	user = new User({ agent: "starts-counted.sh" });
	redis = await startTestRedis({ port: true });
	const { url } = redis;
	const submit = ["enqueue", "Sort the colours", "--quiet"];
	const mine = (await user.ok(submit)).trim();
	await user.ok(["wait", mine]);
	const up = (address: string) => user.ok(["up", "--redis", address]);
	const started = await up(url);
	const pid = /pid (\d+)/.exec(started)?.[1] ?? "none";
	expect(started).toContain("The worker is up");
	for (const spelled of [
		url.replace("127.0.0.1", "localhost"),
		`${url}/0`,
		url.replace("://", "://default:@"),
		url.replace("127.0.0.1:", "LOCALHOST:0"),
	])
		expect(await up(spelled)).toContain(`was up already (pid ${pid}`);
	// Another database is another place.
	expect(await up(`${url}/1`)).toContain("The worker is up");

	const there = { env: { DISPATCH_REDIS_URL: url }, cwd: user.project };
	const plan = readFileSync(user.taskFile(mine, "plan.md"), "utf8");
	expect(await user.run(["enqueue", "--id", mine, "x"], there)).toMatchObject({
		code: 8,
		stderr: expect.stringMatching(/belongs to another task/),
	});
	const theirs = (await user.ok(submit, there)).trim();
	expect(theirs).toBe(`${mine}-2`);
	await user.ok(["wait", theirs], there);
	await user.ok(["rm", theirs], there);
	expect(existsSync(user.taskFile(theirs, "plan.md"))).toBe(false);
	expect(readFileSync(user.taskFile(mine, "plan.md"), "utf8")).toBe(plan);
});

test("the local server has a name: it is reached, and served, where the config or a variable names another one", async () => {
	redis = await startTestRedis({ port: true });
	user = new User({ agent: "looks-inside.sh", config: `redis: { url: "${redis.url}" }\n` });
	const other = { env: { REDIS_URL: redis.url, DISPATCH_REDIS_URL: redis.url } };
	const local = ["--redis", "local"];
	await user.ok(["up"]);
	await user.ok(["enqueue", ...local, "--id", "here", "x"], other);
	await user.ok(["wait", ...local, "here", "--for", "question"], { code: 3 });
	const listed = readFileSync(user.taskFile("here", "listed"), "utf8");
	expect(JSON.parse(listed)).toMatchObject([{ id: "here", state: "running" }]);
	expect(await user.json(["ls"])).toEqual([]);
	expect(await user.ok(["status"])).toMatch(
		/own local Redis: `dispatch status --redis local` shows its tasks\.\n$/,
	);
	await user.ok(["answer", "here", "blue"], { env: { DISPATCH_REDIS_URL: "local" } });
	await user.ok(["wait", ...local, "here"]);
	expect(await user.ok(["down", ...local], other)).toMatch(
		/^The worker is stopped\.\nThe local Redis is stopped\.\nAnother worker .* serves redis:/,
	);
	expect(await user.ok(["service", "install", "--print", ...local])).toContain('"DISPATCH_REDIS_URL=local"');
	expect(await user.ok(["config", "show", ...local])).toContain("own  (--redis)");
});

test("a server that moved: with the new address in the file, the same host goes on there", async () => {
	user = new User({ agent: "starts-counted.sh" });
	redis = await startTestRedis({ port: true });
	const before = new Address("p0", redis.url);
	// The same server by its socket.
	const after = new Address("p1", `unix://${redis.socketPath}`);
	await before.ok(["enqueue", "--id", "later", "--delay", "1h", "x"]);
	writeFileSync(join(user.home, "address"), after.env.DISPATCH_REDIS_URL ?? "");
	expect(await after.run(["enqueue", "--id", "new", "x"])).toMatchObject({
		code: 8,
		stderr: expect.stringMatching(/serves redis:\S+, not unix:.*up --restart/),
	});
	await after.ok(["up", "--restart"]);
	await after.ok(["cancel", "later"]);
	await after.ok(["retry", "later"]);
	await after.ok(["wait", "later"]);
});

test("the very first tasks at two addresses, at the same moment: both run", async () => {
	user = new User({ agent: "starts-counted.sh" });
	redis = await startTestRedis({ port: true });
	const addresses = [new Address("p0", null), new Address("p1", redis.url)];
	await Promise.all(addresses.map((each) => each.ok(["enqueue", "--id", "t", "x"])));
	await Promise.all(addresses.map((each) => each.ok(["wait", "t"])));
	expect(addresses.map(({ directory }) => directory === user.home).sort()).toEqual([false, true]);
});

test("a state directory of an earlier version, with its worker up and tasks left elsewhere: nothing is lost", async () => {
	user = new User({ agent: "asks-twice.sh" });
	redis = await startTestRedis({ port: true });
	const url = new Address("p0", redis.url);
	const local = new Address("p1", null);
	await url.ok(["enqueue", "--id", "asks", "x"]);
	await url.ok(["wait", "asks", "--for", "question"], 3);
	await url.ok(["enqueue", "--id", "later", "--delay", "1h", "x"]);

	// Its worker is up: the directory is its address's, and another address has one of its own.
	const pid = url.pid();
	rmSync(join(user.home, "address"));
	await local.ok(["up"]);
	expect(local.directory).not.toBe(user.home);
	expect(await url.ok(["up"])).toContain(`was up already (pid ${pid}`);
	await local.ok(["down"]);
	await url.ok(["down"]);

	// It had moved on to the local server, and left two tasks behind.
	rmSync(join(user.home, "at"), { recursive: true });
	rmSync(join(user.home, "address"));
	const at = Date.now();
	const left = { [placeOf(redis.url)]: { tasks: ["asks", "later"], count: 2, at } };
	const served = { [LOCAL_PLACE]: { tasks: null, count: 0, at: at + 1 } };
	writeFileSync(join(user.home, "left.json"), JSON.stringify({ ...left, ...served }));
	const told = /2 tasks stay at redis:\S+ from an earlier version: asks, later\..*retry ID --here --redis/;
	expect((await local.run(["up"])).stderr).toMatch(told);
	expect(local.directory).toBe(user.home);
	expect((await local.run(["status"])).stderr).toMatch(told);
	expect(await local.ok(["doctor"])).toMatch(told);

	// Where they are, this host takes them over; the agent that lived on is ended first.
	const agents = () => user.processes().filter(({ command }) => command.includes("asks-twice.sh"));
	expect(agents()).not.toEqual([]);
	const before = new Set(agents().map(({ pid: each }) => each));
	// One after the other: that host may grow too old between the two, and who is here is not taken over again.
	for (const id of ["asks", "later"])
		await expect
			.poll(() => url.run(["retry", id, "--here", "--yes"]).then(({ code }) => code), LIMIT)
			.toBe(0);
	await url.ok(["wait", "asks", "--for", "question"], 3);
	expect(agents().filter(({ pid: each }) => before.has(each))).toEqual([]);
	await url.ok(["answer", "asks", "red"]);
	await url.ok(["wait", "asks", "--for", "question"], 3);
	await url.ok(["answer", "asks", "small"]);
	await expect.poll(() => url.state("asks"), LIMIT).toBe("completed");
	expect((await local.run(["status"])).stderr).toBe("");
});
