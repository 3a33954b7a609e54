/** `hosts drain` from another host: nothing new starts, what runs goes on, and a restart of the worker changes nothing. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 200 };

interface Host {
	state: string;
	pid: number;
	draining: boolean;
	drained: { by: string } | null;
}

/** Ann's host is attic, Bob's is desk. */
async function onTwoHosts(): Promise<{ ann: User; bob: User; redis: TestRedis }> {
	const redis = await startTestRedis();
	const ann = new User({ agent: "busy.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "attic" } });
	const bob = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "desk" } });
	onTestFinished(async () => {
		await ann.cleanup();
		await bob.cleanup();
		await redis.stop();
	});
	return { ann, bob, redis };
}

test(
	"a host that was drained from elsewhere starts nothing new, over a restart too, until it is resumed",
	async () => {
		const { ann, bob } = await onTwoHosts();
		const attic = async () => (await bob.json<Host[]>(["hosts", "attic"]))[0];
		const stateOf = async (id: string) => (await bob.json(["status", id])).state;
		expect(await bob.run(["hosts", "drain", "attic"])).toMatchObject({ code: 6 });
		await ann.ok(["enqueue", "--id", "long", "x"]);
		await ann.waitForState("long", "running");

		expect(await bob.ok(["hosts", "drain", "attic"])).toMatch(/^attic starts nothing new; what runs there/);
		await expect.poll(attic, LIMIT).toMatchObject({ state: "draining", draining: true });
		await ann.ok(["enqueue", "--id", "later", "y"]);
		const why = /is drained \(by \S+@\S+\)/;
		expect(await ann.ok(["status"])).toMatch(/This host is drained \(by \S+\): it starts nothing new/);
		for (const who of [ann, bob]) {
			expect(await who.ok(["status", "later"])).toMatch(why);
			expect(await who.ok(["doctor"])).toContain("dispatch hosts resume attic");
		}
		expect(await stateOf("long")).toBe("running");

		// Whoever waits for what does not start is not told that it goes on.
		await ann.ok(["enqueue", "--id", "after", "--after", "later", "z"]);
		for (const words of [
			"wait later",
			"wait after",
			"wait after --any --cursor seen",
			"wait --any --cursor all",
		])
			expect(await ann.run([...words.split(" "), "--timeout", "3s"]), words).toMatchObject({
				code: 4,
				stderr: expect.stringMatching(
					/Timed out waiting: .*\. attic is drained \(by .*\[DISPATCH_TIMED_OUT\]/,
				),
			});
		await ann.ok(["cancel", "after"]);

		// Killed and started again: its agent is adopted, and nothing starts.
		killIfThere(ann.daemonPid() ?? -1);
		expect((await ann.run(["up"])).stderr).toMatch(why);
		const pid = ann.daemonPid();
		await expect.poll(attic, LIMIT).toMatchObject({ pid, draining: true });

		const drain = bob.start(["hosts", "drain", "attic", "--wait"]);
		const end = once(drain, "close");
		writeFileSync(ann.taskFile("long", "enough"), "");
		expect((await end)[0]).toBe(0);
		expect(await bob.json(["status", "long"])).toMatchObject({ state: "completed", epoch: 1 });
		expect(await bob.json(["status", "later"])).toMatchObject({ state: "queued", epoch: 0 });

		expect(await bob.ok(["hosts", "resume", "attic"])).toBe("attic takes tasks again.\n");
		await bob.waitForState("later", "running");
		await bob.ok(["hosts", "drain", "attic"]);
		await expect.poll(attic, LIMIT).toMatchObject({ draining: true });
		await ann.ok(["enqueue", "--id", "last", "z"]);
		await bob.ok(["hosts", "resume", "attic"]);
		// Without a restart in between.
		await bob.waitForState("last", "running");
		expect(ann.daemonPid()).toBe(pid);
	},
	TEST_LIMIT_MS,
);

test(
	"`hosts drain --wait` goes on over a crash of Redis; its time, a resume and Ctrl-C end it, each with its own code",
	async () => {
		const { ann, bob, redis } = await onTwoHosts();
		const drain = ["hosts", "drain", "attic", "--wait"];
		await ann.ok(["enqueue", "--id", "long", "x"]);
		await ann.waitForState("long", "running");
		const drained = async () => (await bob.json<Host[]>(["hosts", "attic"]))[0]?.drained ?? null;
		const waiting = async () => {
			await bob.ok(["hosts", "resume", "attic"]);
			const command = bob.start(drain);
			let said = "";
			command.stderr?.on("data", (data) => {
				said += data;
			});
			const end = once(command, "close");
			await expect.poll(drained, LIMIT).not.toBeNull();
			return { command, end, said: () => said };
		};

		expect(await bob.run(["hosts", "drain", "attic", "--timeout", "1s"])).toMatchObject({
			code: 2,
			stderr: expect.stringContaining("--timeout needs --wait."),
		});
		expect(await drained()).toBeNull();
		expect(await bob.run([...drain, "--timeout", "3s"])).toMatchObject({
			code: 4,
			stderr: expect.stringMatching(
				/Timed out waiting: 1 agent still works or asks on attic\. It stays drained until: /,
			),
		});
		expect(await drained()).not.toBeNull();

		const resumed = await waiting();
		await ann.ok(["hosts", "resume", "attic"]);
		expect(await resumed.end).toEqual([8, null]);
		expect(resumed.said()).toMatch(/attic was resumed meanwhile.*\[DISPATCH_STALE\]/);

		const hung = await waiting();
		process.kill(redis.pid, "SIGSTOP");
		hung.command.kill("SIGINT");
		expect(await hung.end).toEqual([130, null]);
		expect(hung.said()).toMatch(
			/^dispatch: Waiting for attic: 1 task is still live there\ndispatch: Interrupted\. .*attic/,
		);
		const late = await bob.run([...drain, "--timeout", "1ms"]);
		expect(late).toMatchObject({ code: 4, stderr: expect.stringContaining("Redis does not answer") });
		process.kill(redis.pid, "SIGCONT");

		const crossed = await waiting();
		await redis.restart();
		writeFileSync(ann.taskFile("long", "enough"), "");
		expect(await crossed.end).toEqual([0, null]);
		expect((await bob.json(["status", "long"])).state).toBe("completed");
	},
	TEST_LIMIT_MS,
);
