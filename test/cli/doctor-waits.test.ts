/** `dispatch doctor` says of each task that waits why it does, with the next step, in the words of `status`. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { holdUntil } from "../../src/queue/records/gates.ts";
import { openStore } from "../../src/queue/records/open.ts";
import { User } from "../e2e/harness.ts";
import { specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

interface Finding {
	text: string;
	fix: string | null;
}

let redis: TestRedis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({
		agent: "ten-line.sh",
		redis: redis.url,
		config: "worker: { concurrency: 1, max_agents: 1 }",
		env: { DISPATCH_HOST_ID: "here" },
	});
});
afterAll(async () => {
	await user.cleanup();
	await redis.stop();
});

async function findingOn(id: string): Promise<Finding | undefined> {
	const { stdout } = await user.run(["doctor", "--json"]);
	const { findings } = JSON.parse(stdout) as { findings: Finding[] };
	return findings.find(({ text }) => text.includes(id) && text.includes("wait"));
}

test("an answer that would free a place, no worker, and a limit", async () => {
	await user.ok(["enqueue", "--id", "asks", "x"]);
	await user.waitForState("asks", "asking");
	await user.ok(["enqueue", "--id", "behind", "x"]);
	expect(await findingOn("behind")).toMatchObject({
		text: expect.stringMatching(/1 of 1 agents live .* 1 answer is due/),
		fix: "Answer them: dispatch inbox",
	});
	const { worker } = await user.json<{ worker: { pid: number } }>(["status"]);
	process.kill(worker.pid, "SIGSTOP");
	try {
		expect(await findingOn("behind")).toEqual(
			expect.objectContaining({
				text: expect.stringMatching(/^`behind` waits: this host's worker is stopped/),
				fix: `kill -CONT ${worker.pid}`,
			}),
		);
	} finally {
		process.kill(worker.pid, "SIGCONT");
	}
	await user.ok(["down", "--stop-agents"]);
	const store = await openStore({
		target: { socketPath: redis.socketPath },
		namespace: "default",
		role: "command",
	});
	for (const id of ["far-1", "far-2"]) await store.create(specOf(id, { host: "there" }));
	expect(await findingOn("far-1")).toMatchObject({
		text: expect.stringMatching(/^2 tasks \(far-., far-.\) wait: no worker runs on its host there/),
		fix: "Start one there, on there: dispatch up",
	});
	// A word of the sentence may be a task's id.
	for (const id of ["a", "worker"]) {
		await store.create(specOf(id, { host: `away-of-${id}` }));
		const { stdout } = await user.run(["doctor", "--json"]);
		const { findings } = JSON.parse(stdout) as { findings: Finding[] };
		expect(findings.map(({ text }) => text).join("\n")).toContain(
			`\`${id}\` waits: no worker runs on its host away-of-${id}.`,
		);
	}
	// At once, and long after.
	for (const leftAt of [Date.now(), Date.now() - 60_000]) {
		const { stdout } = await user.run(["doctor", "--json"]);
		const said = (JSON.parse(stdout) as { findings: Finding[] }).findings;
		expect(
			said.filter(({ text }) => /no worker runs (?:here|on (?:this )?host|on here)/i.test(text)),
		).toHaveLength(1);
		await store.client.hset(store.keys.host("here"), { beatAt: 0, leftAt });
		expect(await findingOn("behind")).toMatchObject({
			text: expect.stringMatching(/no worker runs on this host/),
			fix: "dispatch up",
		});
	}
	const gated = { host: "here", backend: "fake", model: null };
	const limit = {
		kind: "rate_limited",
		until: Date.now() + 3_600_000,
		message: "limit",
		limited: null,
	} as const;
	await holdUntil(store, gated, limit);
	await store.close();
	const { stdout } = await user.run(["doctor"]);
	// By the clock of whoever reads it, as every time on the screen.
	expect(stdout).toMatch(/fake is rate limited until (?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d \(limit\)/);
});
