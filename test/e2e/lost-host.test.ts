/** A container thrown away with its worker: another state directory on the same Redis deals with its tasks. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { putBackNames } from "../../src/queue/records/missing-names.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { worktreesOf } from "../../src/task/worktree.ts";
import { GIT_ENV, gitIn, makeRepository } from "../git.ts";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS };

let redis: TestRedis;
let ann: User;
let bob: User;
let store: Store;
beforeEach(async () => {
	redis = await startTestRedis();
	const env = { ...GIT_ENV, DISPATCH_HOST_ID: "container" };
	const config = "worker: { concurrency: 20 }";
	const agents = { quick: "starts-counted.sh", told: "does-as-told.sh" };
	ann = new User({ agents, redis: redis.url, env, config });
	bob = new User({ agents, redis: redis.url, env: { ...GIT_ENV, DISPATCH_HOST_ID: "desk" } });
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
	"a host that is gone leaves the list once it has nothing to do, and is back with its worker",
	async () => {
		await ann.ok(["enqueue", "--id", "job", "x"]);
		await ann.waitForState("job", "asking");
		const listed = async () => (await bob.json<{ host: string }[]>(["hosts"])).map(({ host }) => host);
		expect(await bob.run(["hosts", "rm", "container"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/A worker runs on container/),
		});
		await loseHost({ agents: false });
		expect(await bob.run(["hosts", "rm", "container"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/has 1 task that did not end.*dispatch cancel --host container/s),
		});
		expect(await listed()).toContain("container");
		await bob.ok(["cancel", "job"]);
		expect(await bob.ok(["hosts", "rm", "container"])).toMatch(/not listed any more/);
		expect(await listed()).not.toContain("container");
		expect(await store.client.keys("*container*")).toEqual([store.keys.fenced("container")]);
		// The records of its ended tasks are there, and bring it not back.
		await putBackNames(store, true);
		expect(await listed()).not.toContain("container");
		expect(await bob.run(["hosts", "rm", "container"])).toMatchObject({ code: 6 });
		// Its agent was left there, and is ended all the same.
		expect(agentsOfAnn()).not.toEqual([]);
		await ann.ok(["up"]);
		await expect.poll(() => agentsOfAnn()).toEqual([]);
		expect(await listed()).toContain("container");
		await ann.ok(["enqueue", "--id", "next", "x"]);
		await ann.waitForState("next", "asking");
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
		expect(await bob.run(["retry", "job", "--here", "--yes"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/lives/),
		});
		await loseHost({ agents: false });
		expect(await bob.run(["retry", "job"])).toMatchObject({
			code: 8,
			stderr: expect.stringMatching(/--here/),
		});
		expect(await bob.run(["retry", "job", "--here"])).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/nobody can be asked here\. .* dispatch retry job --here --yes/),
		});
		expect(await bob.ok(["retry", "job", "--here", "--yes"])).toMatch(/`job` is on this host now and starts/);
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
	"taken over while its check runs: that of the first host ends, and a cancel leaves none",
	async () => {
		const check = ["--verify", "while :; do sleep 0.1; done"];
		await ann.ok(["enqueue", "--id", "job", "--model", "quick", ...check, "x"]);
		const checks = () => agentsOfAnn().filter(({ run }) => run?.endsWith("-verify"));
		await expect.poll(checks, LIMIT).not.toEqual([]);
		await loseHost({ agents: false });
		await bob.ok(["retry", "job", "--here", "--yes"]);
		expect(agentsOfAnn()).toEqual([]);
		await bob.ok(["cancel", "job"]);
		await bob.waitForState("job", "cancelled");
		expect(bob.processes().filter(({ run }) => run !== null)).toEqual([]);
	},
	TEST_LIMIT_MS,
);

/** Who removes a task with a worktree that bob took over, and how. */
const REMOVALS = {
	"rm where it is": () => bob.run(["rm", "job"]),
	"prune where it is": () => bob.run(["prune", "--older-than", "0s", "--yes"]),
	"rm where it was": () => ann.run(["rm", "job"]),
};

test.each(Object.entries(REMOVALS))(
	"taken over with its worktree: after %s nothing is left of it on the first host",
	async (_, remove) => {
		makeRepository(ann.project);
		await ann.ok([
			"enqueue",
			"--id",
			"job",
			"--model",
			"told",
			"--worktree",
			"«echo x >>x; exec sleep 1000»",
		]);
		await ann.waitForState("job", "running");
		const { cwd } = await ann.json<{ cwd: string }>(["status", "job"]);
		await expect.poll(() => existsSync(join(cwd, "x")), LIMIT).toBe(true);
		await loseHost({ agents: true });
		await bob.ok(["retry", "job", "--here", "--fresh", "--sign", "--yes"]);
		await bob.waitForState("job", "running");
		await bob.ok(["cancel", "job"]);
		await bob.waitForState("job", "cancelled");
		await ann.ok(["up"]);
		await bob.ok(["up"]);
		const { code, stderr } = await remove();
		expect(code).toBe(0);
		const left = () => [worktreesOf(ann.home), join(ann.home, "runs")].flatMap((path) => readdirSync(path));
		await expect.poll(left, LIMIT).toEqual([]);
		expect(gitIn(ann.project, "worktree", "list").split("\n")).toHaveLength(1);
		expect(gitIn(ann.project, "branch", "--list", "dispatch/*")).toContain("dispatch/job");
		expect(stderr).toMatch(/The branch dispatch\/job of `job` stays|its worker removes them/);
	},
	TEST_LIMIT_MS,
);

/** What somebody else may write, or lose, of the record of a task at work, and of its host. */
const WRONG = {
	"names no host": (id: string) => store.client.hset(store.keys.task(id), "host", "../../etc"),
	"names a host that nobody knows": (id: string) => store.client.hset(store.keys.task(id), "host", "desk-9"),
	"names another host that lives": (id: string) => store.client.hset(store.keys.task(id), "host", "desk"),
	"has lost its spec": (id: string) => store.client.hdel(store.keys.task(id), "spec"),
	"has lost its nonce": (id: string) => store.client.hdel(store.keys.task(id), "nonce"),
	"has lost its state": (id: string) => store.client.hset(store.keys.task(id), "state", "flying"),
};

test(
	"whatever a record says of its host, cancel and rm end its agent there, and nobody else's",
	async () => {
		await bob.ok(["up"]);
		const tasks = Object.values(WRONG).flatMap((harm, n) => [
			{ id: `kept-${n}`, harm, does: ["cancel"] },
			{ id: `gone-${n}`, harm, does: ["cancel", "rm"] },
		]);
		const ids = [...tasks.map(({ id }) => id), "sound"];
		for (const id of ids) await ann.ok(["enqueue", "--id", id, "x"]);
		for (const id of ids) await ann.waitForState(id, "asking");
		const agents = agentsOfAnn().length;
		for (const { id, harm } of tasks) await harm(id);
		// One that names bob's host is in his lists after a pass over the records: his worker may have refused it by now.
		await putBackNames(store, true);
		for (const { id, does } of tasks)
			for (const verb of does) {
				const { code, stderr } = await bob.run([verb, id]);
				expect(verb === "cancel" ? [0, 8] : [0], stderr).toContain(code);
			}
		await expect.poll(() => agentsOfAnn().length).toBe(agents / ids.length);
		expect((await ann.json(["status", "sound"])).state).toBe("asking");
		await ann.ok(["cancel", "sound"]);
	},
	TEST_LIMIT_MS,
);

test(
	"with its record lost it is as gone as one that was silent too long: cancelled, taken over, told",
	async () => {
		for (const id of ["ends", "moves"]) await ann.ok(["enqueue", "--id", id, "x"]);
		for (const id of ["ends", "moves"]) await ann.waitForState(id, "asking");
		await loseHost({ agents: true });
		await store.client.del(store.keys.host("container"));
		expect(await bob.ok(["status", "ends"])).toMatch(/No worker runs on its host container/);
		expect(await bob.ok(["doctor"])).toMatch(/No worker runs on container, and 2 of its tasks/);
		expect(await bob.ok(["cancel", "ends"])).toMatch(/Cancelled `ends`/);
		await bob.ok(["rm", "ends"]);
		expect(await bob.ok(["retry", "moves", "--here", "--yes"])).toMatch(/is on this host now/);
		await bob.waitForState("moves", "asking");
		await bob.ok(["cancel", "moves"]);
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
		await bob.ok(["retry", "later", "--here", "--yes"]);
		await bob.waitForState("later", "asking");
		await bob.ok(["retry", "ended", "--here", "--yes"]);
		await bob.waitForState("ended", "asking");
		await bob.ok(["down", "--stop-agents"]);
		await store.client.hset(store.keys.host("desk"), "beatAt", String(Date.now() - 60_000));
		rmSync(ann.project, { recursive: true });
		const carol = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "third" } });
		try {
			expect(await carol.run(["retry", "later", "--here", "--yes"])).toMatchObject({
				code: 2,
				stderr: expect.stringMatching(/BAD_CWD/),
			});
		} finally {
			await carol.cleanup();
		}
	},
	TEST_LIMIT_MS,
);
