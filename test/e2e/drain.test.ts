/** `down --drain` while agents work: who drains says so, and more of the same does no more. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { RefusingRedis } from "../refusing-redis.ts";
import { User } from "./harness.ts";

let user: User;
beforeEach(async () => {
	user = new User({ agent: "busy.sh" });
	await works("long");
});
afterEach(() => user.cleanup());

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 200 };
/** A task whose agent is there: `running` is its permit to start one. */
async function works(id: string): Promise<void> {
	await user.ok(["enqueue", "--id", id, "x"]);
	const plan = () => readFileSync(user.taskFile(id, "plan.md"), "utf8");
	await user.waitForState(id, "running");
	await expect.poll(plan, LIMIT).toContain("Compute");
}
const drains = () =>
	expect.poll(async () => (await user.json<Status>(["status"])).worker?.draining, LIMIT).toBe(true);
interface Status {
	worker: { pid: number; draining: boolean } | null;
}

function drain() {
	const command = user.start(["down", "--drain"]);
	let said = "";
	for (const stream of [command.stdout, command.stderr])
		stream?.on("data", (data) => {
			said += data;
		});
	return { command, said: () => said, end: once(command, "close") };
}

test("an interrupted drain goes on and is told everywhere; `up` puts a worker in its place that takes tasks", async () => {
	const first = user.daemonPid();
	const { command, said, end } = drain();
	await drains();
	command.kill("SIGINT");
	expect((await end)[0]).toBe(130);
	expect(said()).toMatch(/^dispatch: Interrupted\. The worker goes on draining/m);
	expect(await user.ok(["status"])).toContain("The worker drains: it starts nothing more.");
	expect(await user.ok(["doctor"])).toMatch(/warn +The worker \(pid \d+\) is draining/);
	const ran = await user.run(["enqueue", "--id", "later", "y"]);
	expect(ran.code).toBe(0);
	expect(ran.stderr).toMatch(/^dispatch: The worker \(pid \d+\) is draining: it starts nothing more/);
	expect(await user.ok(["up"])).toMatch(/^The worker is up/);
	expect(user.daemonPid()).not.toBe(first);
	await user.waitForState("later", "running");
	expect((await user.taskInState("long", "running")).epoch).toBe(1);
});

test("a drain says at once on stderr whom it waits for, and each change; stdout holds what it ends with", async () => {
	await works("longer");
	const command = user.start(["down", "--drain", "--json"]);
	const said = { stdout: "", stderr: "" };
	for (const name of ["stdout", "stderr"] as const)
		command[name]?.on("data", (data) => {
			said[name] += data;
		});
	const end = once(command, "close");
	const lines = () => said.stderr.trim().split("\n").sort();
	await expect
		.poll(lines, LIMIT)
		.toEqual([expect.stringMatching(/^dispatch: Waiting for the agents of 2 tasks: /)]);
	for (const id of ["long", "longer"]) expect(said.stderr).toContain(id);
	writeFileSync(user.taskFile("long", "enough"), "");
	await expect.poll(lines, LIMIT).toHaveLength(2);
	expect(said.stderr).toContain("dispatch: Waiting for 1 agent: longer\n");
	writeFileSync(user.taskFile("longer", "enough"), "");
	expect((await end)[0]).toBe(0);
	expect(lines()).toHaveLength(2);
	expect(JSON.parse(said.stdout)).toMatchObject({ stopped: true });
});

test("a second drain waits as the first does, and both end with the last agent", async () => {
	const first = drain();
	await drains();
	const pid = user.daemonPid();
	const second = drain();
	await expect.poll(() => user.logTail().split("worker drains").length - 1, LIMIT).toBe(2);
	expect(user.daemonPid()).toBe(pid);
	writeFileSync(user.taskFile("long", "enough"), "");
	for (const { end, said } of [first, second]) {
		expect((await end)[0]).toBe(0);
		expect(said()).not.toContain("runs on");
	}
	expect((await user.json(["status", "long"])).state).toBe("completed");
});

test("a host that is resumed while its worker leaves starts nothing all the same", async () => {
	const { command, end } = drain();
	await drains();
	const [{ host } = { host: "" }] = await user.json<{ host: string }[]>(["hosts"]);
	await user.ok(["hosts", "drain", host]);
	await expect.poll(() => user.logTail(), LIMIT).toContain("this host is drained");
	await user.ok(["enqueue", "--id", "later", "y"]);
	await user.ok(["hosts", "resume", host]);
	await expect
		.poll(() => user.logTail(), LIMIT)
		.toContain("the drain of this host is over; its worker leaves");
	writeFileSync(user.taskFile("long", "enough"), "");
	// A task that was started would keep it.
	await expect.poll(() => command.exitCode, LIMIT).toBe(0);
	await end;
	expect(await user.json(["status", "later"])).toMatchObject({ state: "queued", epoch: 0 });
});

test("a plain `down` ends a drain at once, and its agents run on", async () => {
	const { end } = drain();
	await drains();
	expect(await user.ok(["down"])).toContain("1 agent runs on");
	expect((await end)[0]).toBe(0);
	expect((await user.taskInState("long", "running")).epoch).toBe(1);
});

test("several `down` at once: each waits for the same end, and none trips over a worker that is gone", async () => {
	await user.ok(["up"]);
	const downs = await Promise.all(Array.from({ length: 4 }, () => user.run(["down"])));
	for (const { code, stderr } of downs) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("a Redis that refuses everybody for a while ends no drain", async () => {
	const server = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	const refusing = new RefusingRedis(server.socketPath);
	await refusing.start();
	await user.cleanup();
	user = new User({ agent: "busy.sh", redis: refusing.url });
	try {
		await works("long");
		const { command, end, said } = drain();
		await drains();
		refusing.errors = [
			"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
		];
		// What a drain looks at, again and again.
		refusing.onlyWith = ":live";
		await expect.poll(() => refusing.refused, LIMIT).toBeGreaterThan(5);
		refusing.errors = [];
		expect((await user.json<Status>(["status"])).worker?.draining, user.logTail()).toBe(true);
		expect(command.exitCode).toBe(null);
		writeFileSync(user.taskFile("long", "enough"), "");
		expect((await end)[0]).toBe(0);
		expect(said()).not.toContain("runs on");
		expect((await user.json(["status", "long"])).state).toBe("completed");
	} finally {
		await user.cleanup();
		await refusing.stop();
		await server.stop();
	}
});
