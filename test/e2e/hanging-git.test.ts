/** git that comes to no end over what an agent left: a filter that hangs, a FIFO where git reads a file. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { GIT_ENV, gitIn, locksIn, makeRepository } from "../git.ts";
import { killIfThere } from "../processes.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { type Task, User } from "./harness.ts";

type Work = Task & { cwd: string };

let redis: TestRedis;
let user: User;
/** while it is there, no filter hangs */
let go: string;
/** a filter runs */
let begun: string;
/** what dispatch asked of git, a line a call */
let asked: string;

beforeAll(async () => {
	redis = await startTestRedis();
	const bin = temporaryFolder("bin");
	asked = join(bin, "asked");
	const real = execFileSync("which", ["git"], { encoding: "utf8" }).trim();
	writeFileSync(join(bin, "git"), `#!/bin/sh\necho "$*" >>${asked}\nexec ${real} "$@"\n`, { mode: 0o755 });
	user = new User({
		agent: "does-as-told.sh",
		redis: redis.url,
		config: "worker: { concurrency: 1 }",
		env: { ...GIT_ENV, PATH: `${bin}:${GIT_ENV.PATH}` },
	});
	[go, begun] = [join(user.path, "go"), join(user.path, "begun")];
	makeRepository(user.project, { "a.in": "one\n", ".gitattributes": "*.in filter=in\n*.out filter=out\n" });
	// It hears nothing but SIGKILL.
	const filter = `trap '' HUP INT TERM; test -e ${go} || { : >${begun}; sleep 1000; }; cat`;
	gitIn(user.project, "config", "filter.in.smudge", filter);
	gitIn(user.project, "config", "filter.out.clean", filter);
});
afterEach(() => {
	for (const path of [go, begun]) rmSync(path, { force: true });
});
afterAll(async () => {
	await user.cleanup();
	await redis.stop();
});

const gits = () => user.processes().filter(({ command }) => /^git |sleep 1000|begun/.test(command));
const enqueue = (id: string, does: string) => user.ok(["enqueue", "--worktree", "--id", id, `«${does}»`]);
const untilBegun = () => expect.poll(() => existsSync(begun)).toBe(true);
const isAtWork = (id: string) =>
	expect.poll(async () => (await user.json<Work>(["status", id])).state).toBe("running");

/** A worktree is made; once `go` is away, its commit hangs. */
async function hangsAtItsCommit(id: string): Promise<Work> {
	writeFileSync(go, "");
	await enqueue(id, `while [ -e ${go} ]; do sleep 0.1; done; echo x >x.out`);
	await isAtWork(id);
	rmSync(go);
	await untilBegun();
	return user.json<Work>(["status", id]);
}

async function expectPlaceIsFree(): Promise<void> {
	expect(gits()).toEqual([]);
	await user.ok(["run", "--id", "other", "«true»"]);
	await user.ok(["rm", "other"]);
}

test("a cancel ends a commit that hangs on a filter: the work stays, which is said, and its place is free", async () => {
	const { cwd } = await hangsAtItsCommit("commits");
	await user.ok(["cancel", "commits"]);
	await user.waitForState("commits", "cancelled");
	const { outcome } = await user.json<Work>(["status", "commits"]);
	expect(outcome?.message).toContain(`git was ended: the task was cancelled. It stays in ${cwd}.`);
	expect(existsSync(join(cwd, "x.out"))).toBe(true);
	await expectPlaceIsFree();
	expect(locksIn(user.project)).toEqual([]);
	writeFileSync(go, "");
	expect(await user.ok(["diff", "commits"])).toContain("+x");
});

test("a cancel ends the making of a worktree that hangs on a filter, and its place is free", async () => {
	await enqueue("makes", "true");
	await untilBegun();
	await user.ok(["cancel", "makes"]);
	await user.waitForState("makes", "cancelled");
	await expect.poll(gits).toEqual([]);
	await expectPlaceIsFree();
});

test("a FIFO where git reads fails the task at once, with the reason; once it is gone, a retry commits the work", async () => {
	writeFileSync(go, "");
	rmSync(asked, { force: true });
	await enqueue("fifo", "echo y >y; [ -e .gitignore ] || mkfifo .gitignore");
	await user.waitForState("fifo", "failed");
	const { cwd, ...failed } = await user.json<Work>(["status", "fifo"]);
	expect(failed).toMatchObject({ reason: "not_committed" });
	expect(readFileSync(asked, "utf8").match(/ add --all /g)).toHaveLength(1);
	expect(failed.outcome?.message).toMatch(/wait for ever on a FIFO.*find FOLDER -type p.*It stays in/);
	await expectPlaceIsFree();
	const diff = await user.run(["diff", "fifo"]);
	expect(diff).toMatchObject({ code: 1, stderr: expect.stringContaining("wait for ever on a FIFO") });
	rmSync(join(cwd, ".gitignore"));
	writeFileSync(join(cwd, ".gitignore"), "z\n");
	await user.ok(["retry", "fifo"]);
	await user.waitForState("fifo", "completed");
	expect(gitIn(user.project, "show", "dispatch/fifo:y")).toBe("y");
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
	"%s at a diff that hangs ends it, with its git",
	async (signal) => {
		const id = `looks-${signal.toLowerCase()}`;
		writeFileSync(go, "");
		await enqueue(id, `echo x >x.out; exec sleep 2000`);
		await isAtWork(id);
		const { cwd } = await user.json<Work>(["status", id]);
		await expect.poll(() => existsSync(join(cwd, "x.out"))).toBe(true);
		rmSync(go);
		const looks = user.start(["diff", id]);
		const end = once(looks, "close");
		await untilBegun();
		looks.kill(signal);
		expect(await end).toEqual([null, signal]);
		await expect.poll(gits).toEqual([]);
		expect(readdirSync(dirname(cwd)).filter((name) => name.includes(".git-"))).toEqual([]);
		writeFileSync(go, "");
		await user.ok(["cancel", id]);
		await user.waitForState(id, "cancelled");
	},
);

test.each(["commits", "makes"])(
	"`down --stop-agents` while git hangs as it %s ends it; the next worker goes on",
	async (what) => {
		const id = `left-${what}`;
		if (what === "makes") await enqueue(id, "echo x >x.out");
		else await hangsAtItsCommit(id);
		await untilBegun();
		await user.ok(["down", "--stop-agents"]);
		// By itself: it was not killed for being late.
		expect(user.logTail()).toContain("worker stopped");
		await expect.poll(gits).toEqual([]);
		expect((await user.json(["status", id])).state).toMatch(/queued|running/);
		writeFileSync(go, "");
		await user.ok(["up"]);
		await user.waitForState(id, "completed");
		expect(gitIn(user.project, "show", `dispatch/${id}:x.out`)).toBe("x");
	},
);

test.each(["commits", "makes"])(
	"a worker is killed while git hangs as it %s: the next one ends that git, and goes on",
	async (what) => {
		const id = `killed-${what}`;
		if (what === "makes") await enqueue(id, "echo x >x.out");
		else await hangsAtItsCommit(id);
		await untilBegun();
		killIfThere(user.daemonPid() ?? 0);
		expect(gits()).not.toEqual([]);
		writeFileSync(go, "");
		await user.ok(["up"]);
		await user.waitForState(id, "completed");
		expect((await user.json(["status", id])).epoch).toBe(1);
		expect(gits()).toEqual([]);
		expect(gitIn(user.project, "show", `dispatch/${id}:x.out`)).toBe("x");
	},
);

test("a removed task over whose worktree git hangs keeps no worker from starting, working and stopping", async () => {
	writeFileSync(go, "");
	await enqueue("gone", "echo x >x.out");
	await user.waitForState("gone", "completed");
	const { cwd } = await user.json<Work>(["status", "gone"]);
	await user.ok(["down"]);
	// Of the same size: git has to ask the filter.
	writeFileSync(join(cwd, "x.out"), "y\n");
	const elsewhere = new User({ agent: "does-as-told.sh", redis: redis.url });
	await elsewhere.ok(["rm", "gone"]);
	await elsewhere.cleanup();
	rmSync(go);
	await user.ok(["up"]);
	await untilBegun();
	await user.ok(["run", "--id", "other", "«true»"]);
	await user.ok(["rm", "other"]);
	await user.ok(["down"]);
	await expect.poll(gits).toEqual([]);
	expect(existsSync(join(cwd, "x.out"))).toBe(true);
});
