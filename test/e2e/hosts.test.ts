/** Two state directories on one machine are two hosts: each tells what it can run, and questions are answered from the other. */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 200 };

interface Host {
	host: string;
	here: boolean;
	state: string;
	places: { used: number; all: number } | null;
	openTasks: number;
	backends: { name: string; found: boolean | null; version: string | null }[] | null;
	clockOffsetMs: number | null;
}

let redis: TestRedis;
let ann: User;
let bob: User;
let store: Store;
beforeEach(async () => {
	redis = await startTestRedis();
	ann = new User({ agent: "ten-line.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "attic" } });
	bob = new User({ agent: "ten-line.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "desk" } });
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
});
afterEach(async () => {
	await store.close();
	await ann.cleanup();
	await bob.cleanup();
	await redis.stop();
});

const hosts = () => bob.json<Host[]>(["hosts"]);
/** As time goes by: nothing beats any more. */
const grownOld = () => store.client.hset(store.keys.host("attic"), "beatAt", String(Date.now() - 60_000));

test(
	"each host shows what it runs and how full it is; one that is away is told as that",
	async () => {
		expect(await bob.ok(["hosts"])).toMatch(/No host has shown itself here yet: `dispatch up`/);
		expect(await bob.run(["hosts", "attic"])).toMatchObject({
			code: 6,
			stderr: expect.stringContaining("[DISPATCH_NO_SUCH_HOST]"),
		});
		// A CLI of a known name, which tells a version when it is asked, and one that is not there.
		const claude = join(ann.path, "claude");
		writeFileSync(claude, "#!/bin/sh\necho '9.8.7 (Claude Code)'\n");
		chmodSync(claude, 0o755);
		await ann.ok(["config", "add-backend", "mine", "--type", "claude", "--command", `${claude} -p`]);
		await ann.ok(["config", "add-backend", "none", "--type", "codex", "--command", "/nowhere/codex exec"]);
		await ann.ok(["up"]);
		await bob.ok(["up"]);
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		await expect
			.poll(async () => (await hosts())[0]?.backends?.find(({ name }) => name === "mine")?.version, LIMIT)
			.toBe("9.8.7");
		const [attic, desk] = await hosts();
		expect(attic).toMatchObject({ host: "attic", here: false, state: "working", openTasks: 1 });
		expect(attic?.backends).toContainEqual(expect.objectContaining({ name: "none", found: false }));
		expect(desk).toMatchObject({ host: "desk", here: true, state: "working", openTasks: 0 });
		expect(desk?.backends).toMatchObject([{ name: "fake", found: null, version: null }]);
		// Both clocks are this machine's.
		expect(Math.abs(attic?.clockOffsetMs ?? Number.NaN)).toBeLessThan(1_000);
		const shown = await bob.ok(["hosts"]);
		expect(shown).toMatch(/\nattic +working +\d\/2 +1 +fake, mine 9\.8\.7, none \(missing\)/);
		expect(shown).toMatch(/\ndesk \(here\) +working +0\/2 +0 +fake/);
		await ann.ok(["down"]);
		expect(await bob.ok(["hosts", "attic"])).toMatch(/attic +(stopped|gone) for /);
	},
	TEST_LIMIT_MS,
);

test.each(["killed", "frozen"])(
	"an answer to a host that is %s waits, and arrives when it is back: the agent goes on where it was",
	async (how) => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		const pid = ann.daemonPid() ?? -1;
		if (how === "killed") killIfThere(pid);
		else process.kill(pid, "SIGSTOP");
		await grownOld();
		const said = await bob.ok(["answer", "job", "Blue"]);
		expect(said).toMatch(/no worker runs on its host attic/);
		// Nobody else answers it meanwhile, and it is not asked again.
		expect(await bob.run(["answer", "job", "Red"])).toMatchObject({ code: 8 });
		expect(await bob.json<unknown[]>(["questions"])).toEqual([]);
		const waiting = await bob.json(["status", "job"]);
		expect(waiting.questions).toMatchObject([{ answer: "Blue", deliveredAt: null }]);
		if (how === "killed") await ann.ok(["up"]);
		else process.kill(pid, "SIGCONT");
		const done = await bob.taskInState("job", "completed");
		expect(done).toMatchObject({ epoch: 1, attempt: 1 });
		expect(done.questions).toMatchObject([{ answer: "Blue", deliveredAt: expect.any(String) }]);
	},
	TEST_LIMIT_MS,
);

test(
	"an answer given while host and agent are gone is handed to the next agent when the host comes back",
	async () => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		for (const { pid } of ann.processes()) killIfThere(pid);
		await grownOld();
		await bob.ok(["answer", "job", "Blue"]);
		await ann.ok(["up"]);
		// This agent knows no session: it begins anew, with what was said in its prompt.
		await expect.poll(() => readFileSync(ann.taskFile("job", "prompt.md"), "utf8"), LIMIT).toContain("Blue");
		const { questions } = await bob.json(["status", "job"]);
		expect(questions[0]).toMatchObject({ answer: "Blue", deliveredAt: expect.any(String) });
	},
	TEST_LIMIT_MS,
);
