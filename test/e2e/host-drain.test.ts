/** `hosts drain` from another host: nothing new starts, what runs goes on, and a restart of the worker changes nothing. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 200 };

interface Host {
	state: string;
	pid: number;
	draining: boolean;
	drained: { by: string } | null;
}

test(
	"a host that was drained from elsewhere starts nothing new, over a restart too, until it is resumed",
	async () => {
		const redis = await startTestRedis();
		const ann = new User({ agent: "busy.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "attic" } });
		const bob = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "desk" } });
		onTestFinished(async () => {
			await ann.cleanup();
			await bob.cleanup();
			await redis.stop();
		});
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
