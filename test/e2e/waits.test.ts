/** Why a task waits, told by `status`, `status ID` and `ls` alike: real workers, each really in the way. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

let redis: TestRedis;
let store: Store;
let users: User[] = [];
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
});
afterEach(async () => {
	await Promise.all(users.map((user) => user.cleanup()));
	users = [];
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

function userWith(host: string, worker: string): User {
	const user = new User({
		agent: "ten-line.sh",
		agents: { busy: "busy.sh" },
		redis: redis.url,
		env: { DISPATCH_HOST_ID: host },
		config: `worker: ${worker}`,
	});
	users.push(user);
	return user;
}

interface Waiting {
	id: string;
	waits: { kind: string; why: string; text: string } | null;
}

/** The three of them say the same. */
async function expectReason(user: User, id: string, kind: string, why: RegExp, text: RegExp): Promise<void> {
	const { waits } = await user.json<Waiting>(["status", id]);
	expect(waits).toMatchObject({ kind, why: expect.stringMatching(why), text: expect.stringMatching(text) });
	// A minute may pass between two of them.
	expect(await user.ok(["status", id])).toMatch(new RegExp(text.source, "m"));
	expect(await user.ok(["ls"])).toMatch(new RegExp(`^${id} .* ${waits?.why}  `, "m"));
	const { open } = await user.json<{ open: Waiting[] }>(["status"]);
	expect(open.find((task) => task.id === id)?.waits).toMatchObject({
		...waits,
		text: expect.stringMatching(text),
	});
	expect(await user.ok(["status"])).toMatch(new RegExp(`waits?\\b.*\\n +.*\\b${id}\\b`));
}

const POLL = { timeout: CONDITION_LIMIT_MS };

/** A command that waits for as long as it is let: how soon it says something depends on the machine. */
function listening(user: User, args: string[]) {
	const waiting = user.start(args);
	const end = once(waiting, "close");
	let said = "";
	waiting.stderr?.on("data", (data) => {
		said += data;
	});
	const stop = async () => {
		waiting.kill("SIGINT");
		await end;
	};
	return { waiting, said: () => said, stop };
}

test("for answers that would free a place, for a time, for a worker that drains, and for one at all", async () => {
	const user = userWith("one", "{ concurrency: 2, max_agents: 2 }");
	for (const id of ["ask-1", "ask-2"]) {
		await user.ok(["enqueue", "--id", id, "Paint the shed"]);
		await user.waitForState(id, "asking");
	}
	await user.ok(["enqueue", "--id", "next", "Paint the door"]);
	await user.ok(["enqueue", "--id", "later", "--delay", "2h", "Paint the gate"]);
	await expectReason(
		user,
		"next",
		"answers",
		/^2 answers are due$/,
		/2 of 2 agents live \(worker\.max_agents\)/,
	);
	await expectReason(
		user,
		"later",
		"time",
		/^delayed until \d\d:\d\d$/,
		/^Waits until .* \(in .*\): it was to start later/,
	);
	const draining = user.start(["down", "--drain"]);
	await expect
		.poll(async () => (await user.json<{ worker: { draining: boolean } }>(["status"])).worker.draining, {
			timeout: CONDITION_LIMIT_MS,
		})
		.toBe(true);
	await expectReason(user, "next", "worker", /^worker drains$/, /of this host drains .* `dispatch up`/);
	draining.kill("SIGKILL");
	await user.ok(["down"]);
	// At once and for ever: whoever looks late is told no other thing.
	for (const leftAt of [Date.now(), Date.now() - 60_000]) {
		await store.client.hset(store.keys.host("one"), { beatAt: 0, leftAt });
		await expectReason(user, "next", "worker", /^no worker$/, /no worker runs on this host\. `dispatch up`/);
		await expectReason(
			user,
			"later",
			"time",
			/^delayed until \d\d:\d\d$/,
			/^Waits until .* \(in .*\): it was to start later/,
		);
	}
	// What scripts read of it is as it was.
	expect(await user.json(["status", "next"])).toMatchObject({ hold: { kind: "host_gone" } });
	expect(await user.ok(["status", "next"])).not.toContain("--here");
	expect(await user.ok(["status", "ask-1"])).toMatch(/No worker runs on this host.*`dispatch up` starts one/);
	expect(await user.ok(["status", "ask-1"])).not.toContain("--here");
	expect(await user.run(["retry", "next"])).toMatchObject({
		code: 8,
		stderr: expect.stringMatching(/with the worker of this host: dispatch up/),
	});
});

test.each([
	["most-first", "in the file from the start", ["worker: { concurrency: 5, max_agents: 1 }"], []],
	[
		"most-changed",
		"in the file as it is changed",
		["worker: { concurrency: 5 }", "worker: { concurrency: 5, max_agents: 1 }"],
		[],
	],
	["most-option", "beside the worker's option", ["worker: { max_agents: 1 }"], ["--concurrency", "5"]],
])(
	"no more agents live than worker.max_agents, however many may work (%s: %s)",
	async (host, _where, configs, options) => {
		const user = userWith(host, "{ concurrency: 2 }");
		const base = readFileSync(join(user.home, "config.yaml"), "utf8").replace(/^worker:.*$/m, "");
		const limits = async () => {
			const hosts = await user.json<{ host: string; maxAgents: number }[]>(["hosts"]);
			return hosts.find((each) => each.host === host)?.maxAgents;
		};
		user.start(["worker", ...options]);
		for (const worker of configs) {
			writeFileSync(join(user.home, "config.yaml"), `${base}\n${worker}\n`);
			await expect.poll(limits, { timeout: CONDITION_LIMIT_MS }).toBe(worker.includes("max_agents") ? 1 : 20);
		}
		expect(await user.ok(["config", "show"])).toMatch(/^ +worker\.max_agents: 1 /m);
		await user.ok(["enqueue", "--id", `${host}-1`, "Paint the shed"]);
		await user.waitForState(`${host}-1`, "asking");
		await user.ok(["enqueue", "--id", `${host}-2`, "Paint the door"]);
		await expectReason(user, `${host}-2`, "answers", /^1 answer is due$/, /1 of 1 agents live/);
	},
);

test("for a place among those that work, until one is free", async () => {
	const user = userWith("two", "{ concurrency: 1, max_agents: 4 }");
	await user.ok(["enqueue", "--id", "first", "--model", "busy", "Compute"]);
	await user.waitForState("first", "running");
	await user.ok(["enqueue", "--id", "second", "Paint the door"]);
	await expectReason(user, "second", "place", /^1 of 1 work$/, /1 of 1 agents work \(worker\.concurrency\)/);
	await user.ok(["cancel", "first"]);
	const ended = await user.run(["wait", "first"]);
	expect(ended.stdout).toMatch(/^`first` cancelled by \S+@\S+\. `dispatch retry first` starts it again\.$/m);
	const { waits } = (await user.taskInState("second", "asking")) as unknown as Waiting;
	expect(waits).toBeNull();
});

test("for a host that is drained: whoever waits is told once, when its time is over, and when that changes", async () => {
	const user = userWith("three", "{ concurrency: 2 }");
	await user.ok(["up"]);
	await user.ok(["hosts", "drain", "three"]);
	await user.ok(["enqueue", "--id", "held", "Paint the shed"]);
	user.write("tasks.json", JSON.stringify([{ id: "b1", prompt: "Paint the gate" }]));
	const limit = ["--timeout", "8s"];
	const told =
		/^dispatch: three is drained \(by \S+@\S+\) and starts nothing new: dispatch hosts resume three$/gm;
	const commands = [
		["wait", "held", ...limit],
		["wait", "held", "--any", "--for", "question", "--json", ...limit],
		["enqueue", "Paint the door", "--wait", ...limit],
		["batch", "tasks.json", "--key", "k", "--wait", ...limit],
	];
	const ends = await Promise.all(commands.map((args) => user.run(args)));
	ends.push(await user.run(["batch", "wait", "k", ...limit]));
	for (const { code, stdout, stderr } of ends) {
		expect(code).toBe(4);
		expect(stderr.match(told), stderr).toHaveLength(1);
		expect(stdout + stderr).toMatch(/Timed out waiting: \S+ is queued\.(.*\n?.*)three is drained \(by /);
	}

	// Of several events one is told: that the first task waits is none.
	for (const args of [
		["wait", "held", "--cursor", "seen"],
		["wait", "--any", "--cursor", "any"],
		["enqueue", "--id", "followed", "Paint the fence", "--follow"],
	]) {
		const { said, stop } = listening(user, args);
		await expect.poll(said, POLL).toMatch(told);
		await stop();
		expect(said().match(told), args.join(" ")).toHaveLength(1);
	}
	const host = await hostAgentOf(user);
	const tool = async (name: string, args: object) =>
		JSON.stringify((await host.callTool({ name, arguments: { ...args } })).structuredContent);
	// Earlier tests have left questions here.
	await expect.poll(() => tool("wait", { timeoutSeconds: 0 })).toContain('"event":null');
	for (const [name, args] of [
		["wait", { timeoutSeconds: 0, ids: ["held"] }],
		["wait", { timeoutSeconds: 0 }],
		["status", { id: "held" }],
		["list", {}],
	] as const)
		expect(await tool(name, args), name).toContain("dispatch hosts resume three");
	await host.close();

	const { waiting, said, stop } = listening(user, ["wait", "held"]);
	await expect.poll(said, POLL).toMatch(told);
	await user.ok(["hosts", "resume", "three"]);
	await expect.poll(said, POLL).toContain("\ndispatch: three takes tasks again.\n");
	expect(said().match(told)).toHaveLength(1);
	expect(waiting.exitCode).toBeNull();
	await stop();
});

test("for answers that would free a place: whoever waits is told so once, in the words of `status`, and at the end of the time", async () => {
	const user = userWith("told", "{ concurrency: 2, max_agents: 2 }");
	for (const id of ["due-1", "due-2"]) {
		await user.ok(["enqueue", "--id", id, "Paint the shed"]);
		await user.waitForState(id, "asking");
	}
	const file = user.write("batch.yaml", "tasks:\n  - id: many\n    prompt: Paint the fence\n");
	const text =
		"Waits for a place: 2 of 2 agents live (worker.max_agents), and 2 answers are due: dispatch questions";
	const commands = [
		"run --id runs-told x",
		"enqueue --id waits-told --wait x",
		"enqueue --id follows-told --follow x",
		`batch ${file} --key many-told --wait`,
		"wait runs-told",
		"wait runs-told waits-told",
		"logs runs-told --follow",
		"batch wait many-told",
		"wait runs-told --any --cursor seen",
		"wait runs-told --json",
	];
	for (const command of commands) {
		const { said, stop } = listening(user, command.split(" "));
		await expect.poll(said, POLL).toContain(text);
		await stop();
		expect(said().split(text), command).toHaveLength(2);
	}
	expect((await user.json<Waiting>(["status", "runs-told"])).waits?.text).toBe(text);
	for (const command of ["wait runs-told", "wait runs-told --any --cursor seen", "batch wait many-told"]) {
		const words = [...command.split(" "), "--timeout", "3s"];
		await expect
			.poll(async () => (await user.run(words)).stderr, POLL)
			.toMatch(/Timed out waiting: .*2 answers are due: dispatch questions/s);
	}
});
