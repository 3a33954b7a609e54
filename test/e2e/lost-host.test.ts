/** A container thrown away with its worker: another state directory on the same Redis deals with its tasks. */
import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

let redis: TestRedis;
let ann: User;
let bob: User;
let store: Store;
beforeEach(async () => {
	redis = await startTestRedis();
	const env = { DISPATCH_HOST_ID: "container" };
	ann = new User({ agent: "ten-line.sh", redis: redis.url, env });
	bob = new User({ agent: "ten-line.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "desk" } });
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
});
afterEach(async () => {
	await store.close();
	await ann.cleanup();
	await bob.cleanup();
	await redis.stop();
});

/** As time goes by: nothing beats any more. */
async function grownOld(): Promise<void> {
	await store.client.hset(store.keys.host("container"), "beatAt", String(Date.now() - 60_000));
}

/** The agents that ann's own worker started, wherever they work. */
const agentsOfAnn = () =>
	ann.processes().filter(({ command, run }) => run !== null && command.includes(ann.home));

/** Its worker dies; the agents live on, as on a machine that is only cut off, unless they are to die too. */
async function loseHost({ agents }: { agents: boolean }): Promise<void> {
	for (const { pid, run } of ann.processes()) if (agents || run === null) killIfThere(pid);
	await grownOld();
}

test(
	"it is shown as what it is: in status, ls, doctor, answer and wait",
	async () => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		await loseHost({ agents: true });
		expect(await bob.ok(["status", "job"])).toMatch(
			/No worker runs on its host container.*\n.*retry job --here/,
		);
		expect((await bob.json(["status", "job"])).hold).toEqual({ kind: "host_gone", until: null });
		expect(await bob.ok(["ls"])).toMatch(/job +asking/);
		expect(await bob.ok(["doctor"])).toMatch(
			/No worker runs on container \(last seen 1m.*\), and 1 of its tasks.*: job/,
		);
		expect(await bob.ok(["status"])).toMatch(/job asks.*\(host gone\)/);
		// Too short to believe that the host is gone; but nobody says that the work goes on.
		expect(await bob.run(["wait", "job", "--timeout", "1s"])).toMatchObject({
			code: 4,
			stderr: expect.stringMatching(/No worker runs on the host.*nobody works on it now.*status job/),
		});
		expect(await bob.run(["wait", "job"])).toMatchObject({
			code: 1,
			stderr: expect.stringMatching(/no worker runs on its host container.*--here.*\[DISPATCH_HOST_GONE\]/),
		});
		expect(await bob.run(["rm", "job"])).toMatchObject({ code: 8 });
		expect(await bob.ok(["answer", "job", "Blue"])).toMatch(/no worker runs on its host container/);
		expect(await bob.ok(["cancel", "job"])).toMatch(/Cancelled `job`/);
		await bob.ok(["rm", "job"]);
		expect(await bob.ok(["doctor"])).not.toMatch(/No worker runs on container/);
	},
	TEST_LIMIT_MS,
);

test(
	"cancelled while its host was cut off: the host ends the agent when it comes back",
	async () => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		await loseHost({ agents: false });
		expect(agentsOfAnn()).not.toEqual([]);
		await bob.ok(["cancel", "job"]);
		await ann.ok(["up"]);
		await expect.poll(() => agentsOfAnn()).toEqual([]);
		expect((await bob.json(["status", "job"])).state).toBe("cancelled");
		expect(await store.client.scard(store.keys.fenced("container"))).toBe(0);
	},
	TEST_LIMIT_MS,
);

test(
	"taken over with --here: a new agent, one at a time, and the old host has lost its say",
	async () => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		expect(await bob.run(["retry", "job", "--here"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/lives/),
		});
		await loseHost({ agents: false });
		expect(await bob.run(["retry", "job"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/--here/),
		});
		expect(await bob.ok(["retry", "job", "--here"])).toMatch(/`job` is on this host now and starts/);
		expect(agentsOfAnn()).toEqual([]);
		await expect
			.poll(async () => (await bob.json<{ host: string; state: string }>(["status", "job"])).state)
			.toBe("asking");
		await ann.ok(["up"]);
		await bob.ok(["answer", "job", "Green"]);
		const done = await bob.taskInState("job", "completed");
		expect(done).toMatchObject({ host: "desk", state: "completed" });
		await bob.ok(["rm", "job"]);
	},
	TEST_LIMIT_MS,
);

test(
	"what was queued or ended there moves too; without its directory it stays",
	async () => {
		await ann.ok(["enqueue", "--id", "later", "--delay", "1h", "x"]);
		await ann.ok(["enqueue", "--id", "ended", "--delay", "1h", "x"]);
		await ann.ok(["cancel", "ended"]);
		await loseHost({ agents: true });
		await bob.ok(["retry", "later", "--here"]);
		await bob.waitForState("later", "asking");
		await bob.ok(["retry", "ended", "--here"]);
		await bob.waitForState("ended", "asking");
		await bob.ok(["down", "--stop-agents"]);
		await store.client.hset(store.keys.host("desk"), "beatAt", String(Date.now() - 60_000));
		rmSync(ann.project, { recursive: true });
		const carol = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "third" } });
		try {
			expect(await carol.run(["retry", "later", "--here"])).toMatchObject({
				code: 2,
				stderr: expect.stringMatching(/BAD_CWD/),
			});
		} finally {
			await carol.cleanup();
		}
	},
	TEST_LIMIT_MS,
);
