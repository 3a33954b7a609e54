/** `--worktree` through the whole program, with real git and real agents. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { Screen } from "../cli/tmux.ts";
import { GIT_ENV, gitIn, locksIn, makeRepository, writeIn } from "../git.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { PROGRAM, type Task, User } from "./harness.ts";

/** By hand: DISPATCH_TEST_WORKTREES=50 DISPATCH_TEST_ROUNDS=4, which are 200 starts. */
const WORKTREES = Number(process.env.DISPATCH_TEST_WORKTREES) || 4;
const ROUNDS = Number(process.env.DISPATCH_TEST_ROUNDS) || 2;
const BUSY = 8;

type Work = Task & {
	branch: string | null;
	cwd: string;
	changes: { files: number; insertions: number } | null;
};

let redis: TestRedis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({
		agent: "does-as-told.sh",
		redis: redis.url,
		config: `worker: { concurrency: ${BUSY} }`,
		env: GIT_ENV,
	});
	makeRepository(user.project, { "a.txt": "one\n", "sub/b.txt": "two\n" });
});
const screens: Screen[] = [];
afterAll(async () => {
	for (const screen of screens) screen.close();
	await user.cleanup();
	await redis.stop();
});

const git = (...args: string[]) => gitIn(user.project, ...args);
const work = (id: string) => user.json<Work>(["status", id]);

test("a task in a subfolder works in its own tree, on its own branch; the project stays as it is, and so does the work", async () => {
	writeIn(user.project, "mine.txt", "not committed\n");
	const said = await user.ok(["enqueue", "--worktree", "--id", "one", "«echo x >>b.txt; echo y >new.txt»"], {
		cwd: join(user.project, "sub"),
	});
	expect(said).toContain("on the branch dispatch/one from");
	await user.waitForState("one", "completed");
	const task = await work("one");
	expect(task).toMatchObject({ branch: "dispatch/one", changes: { files: 2, insertions: 2, deletions: 0 } });
	expect(task.cwd).toMatch(/\/worktrees\/one-[\w-]{8}\/sub$/);
	expect(await user.ok(["status", "one"])).toContain("Branch: dispatch/one, 2 files, +2 −0");
	expect(git("status", "--porcelain")).toBe("?? mine.txt");
	expect(git("diff", "--name-only", "main", "dispatch/one")).toBe("sub/b.txt\nsub/new.txt");
	expect(git("log", "-1", "--format=%an %(trailers:key=Dispatch-Task)", "dispatch/one")).toBe(
		"Ann Dispatch-Task: one",
	);
	expect(await user.ok(["diff", "one"])).toContain("+y");
	expect(await user.json(["diff", "one"])).toMatchObject({
		files: [{ path: "sub/b.txt" }, { path: "sub/new.txt" }],
	});
	git("clean", "--force", "-ffdxq");
	expect(existsSync(join(task.cwd, "new.txt"))).toBe(true);
});

test("what a failed and a cancelled agent changed is on the branch too, and a retry goes on in the same tree", async () => {
	await user.ok([
		"enqueue",
		"--worktree",
		"--attempts",
		"1",
		"--id",
		"fails",
		"«echo x >>c.txt; test $(wc -l <c.txt) = 3»",
	]);
	await user.ok(["enqueue", "--worktree", "--id", "cancelled", "«echo x >c.txt; exec sleep 1000»"]);
	await user.waitForState("fails", "failed");
	const first = await work("fails");
	for (const args of [
		["retry", "fails"],
		["retry", "--fresh", "fails"],
	]) {
		const { epoch } = await work("fails");
		await user.ok(args);
		await expect.poll(async () => (await work("fails")).epoch).toBe(epoch + 1);
		await expect.poll(async () => (await work("fails")).state).not.toMatch(/queued|running/);
	}
	expect(await work("fails")).toMatchObject({
		state: "completed",
		cwd: first.cwd,
		changes: { insertions: 3 },
	});
	expect(git("show", "dispatch/fails:c.txt")).toBe("x\nx\nx");
	const { cwd } = await work("cancelled");
	await expect.poll(() => existsSync(join(cwd, "c.txt"))).toBe(true);
	// A look at what an agent does right now.
	expect(await user.ok(["diff", "--stat", "cancelled"])).toContain("1 file changed");
	await user.ok(["cancel", "cancelled"]);
	await user.waitForState("cancelled", "cancelled");
	expect(git("show", "dispatch/cancelled:c.txt")).toBe("x");
});

test("what a check writes is a commit of its own, beside the agent's, of each start; and nothing of it is in the way of rm", async () => {
	const check =
		'echo "$(git status --porcelain)" >>seen; echo fixed >a.txt; test -e pass || { touch pass; exit 1; }';
	await user.ok(["enqueue", "--worktree", "--id", "checked", "--verify", check, "«echo w >>w.txt»"]);
	await user.waitForState("checked", "completed");
	const commits = git("log", "--reverse", "--format=%s", "--name-only", "main..dispatch/checked").split(
		/\n+/,
	);
	const said = (start: number) => `Work of the task checked, start ${start}`;
	expect(commits).toEqual([
		...[said(1), "w.txt", `${said(1)} after its check`, "a.txt", "pass", "seen"],
		...[said(2), "w.txt", `${said(2)} after its check`, "seen"],
	]);
	// It found the agent's work committed, and what it did itself is on the branch.
	expect(git("show", "dispatch/checked:seen")).toBe("");
	expect(await work("checked")).toMatchObject({ changes: { files: 4 } });
	expect((await user.run(["rm", "checked"])).stderr).toContain(
		"The branch dispatch/checked of `checked` stays",
	);
});

test("rm and prune keep what is nowhere else, and say so; --force deletes it", async () => {
	for (const id of ["clean", "kept", "dirty"])
		await user.ok(["enqueue", "--worktree", "--id", id, id === "clean" ? "«true»" : "«echo x >k.txt»"]);
	for (const id of ["clean", "kept", "dirty"]) await user.waitForState(id, "completed");
	writeIn((await work("dirty")).cwd, "later.txt", "of a person\n");
	await user.ok(["rm", "clean"]);
	expect(git("branch", "--list", "dispatch/clean")).toBe("");
	const kept = await user.run(["rm", "kept"]);
	expect(kept).toMatchObject({
		code: 0,
		stderr: expect.stringContaining("The branch dispatch/kept of `kept` stays"),
	});
	expect(git("show", "dispatch/kept:k.txt")).toBe("x");
	const refused = await user.run(["rm", "dirty"]);
	expect(refused).toMatchObject({ code: 8, stderr: expect.stringContaining("later.txt") });
	const pruned = await user.run(["prune", "--older-than", "0s"]);
	expect(pruned).toMatchObject({ code: 8, stderr: expect.stringContaining("later.txt") });
	const { cwd } = await work("dirty");
	expect(readFileSync(join(cwd, "later.txt"), "utf8")).toBe("of a person\n");
	await user.ok(["rm", "--force", "dirty"]);
	expect(existsSync(cwd)).toBe(false);
	expect(git("branch", "--list", "dispatch/dirty")).toBe("");
	// Its id is free again, and its branch is not.
	await user.ok(["enqueue", "--worktree", "--id", "dirty", "«true»"]);
	await user.waitForState("dirty", "completed");
	expect(await user.run(["enqueue", "--worktree", "--id", "kept", "x"])).toMatchObject({
		code: 8,
		stderr: expect.stringContaining("git branch -D dispatch/kept"),
	});
	await user.ok(["enqueue", "--worktree", "kept"]);
	expect(await user.taskInState("kept-2", "completed", "failed")).toMatchObject({ id: "kept-2" });
});

test("prune --dry-run lists, counts and refuses just what the call itself then does, and says what stays and why", async () => {
	const tag = ["--tag", "what=prune"];
	const told = {
		"p-clean": "true",
		"p-kept": "echo x >p.txt",
		"p-dirty": "true",
		"p-twin": "echo x >twin.txt",
		"p-needed": "true",
	};
	for (const [id, words] of Object.entries(told))
		await user.ok(["enqueue", "--worktree", "--id", id, ...tag, `«${words}»`]);
	for (const id of Object.keys(told)) await user.waitForState(id, "completed");
	// Two branches with one commit: the last one holds it.
	await user.ok(["enqueue", "--worktree", "--id", "p-too", ...tag, "«git reset -q --hard dispatch/p-twin»"]);
	await user.waitForState("p-too", "completed");
	await user.ok(["enqueue", "--id", "p-next", "--after", "p-needed", "--delay", "1h", "x"]);
	writeIn((await work("p-dirty")).cwd, "later.txt", "of a person\n");
	const prune = ["prune", "--older-than", "1ms", ...tag];
	const shown = await user.run([...prune, "--dry-run"]);
	expect(shown.stdout).toBe("  p-too\n  p-twin\n  p-kept\n  p-clean\nWould remove 4 of 5 tasks.\n");
	expect(shown.code).toBe(8);
	const said = shown.stderr.split("\n");
	const says = (words: string) => said.filter((line) => line.includes(words));
	expect(says("stays: it has a commit that no other branch holds").map((line) => line.split("`")[1])).toEqual(
		["p-twin", "p-kept"],
	);
	expect(says("`p-needed` stays: `p-next`, which has not ended, needs it.")).toHaveLength(1);
	expect(says("later.txt")).toEqual([expect.stringMatching(/`p-dirty` .*\[DISPATCH_UNSAVED_WORK\]$/)]);
	expect(said).toHaveLength(5);
	const screen = new Screen([process.execPath, PROGRAM, ...prune], {
		columns: 160,
		rows: 24,
		cwd: user.project,
		env: user.env,
	});
	screens.push(screen);
	const asked = await screen.waitFor("Delete these 4 tasks");
	expect(asked).toContain("(1 more stay, and why is told after this)");
	expect(asked).not.toContain("p-dirty");
	screen.keys("C-c");
	await screen.waitFor("Nothing was removed.");
	const planned = JSON_SCHEMAS.prune.parse(await user.json([...prune, "--dry-run"], { code: 8 }));
	expect(planned).toMatchObject({
		removed: ["p-too", "p-twin", "p-kept", "p-clean"],
		kept: [{ id: "p-needed", neededBy: ["p-next"] }],
		notRemoved: [{ id: "p-dirty", error: { code: "DISPATCH_UNSAVED_WORK" } }],
	});
	const done = await user.run([...prune, "--json"]);
	expect(JSON.parse(done.stdout)).toEqual({ ...planned, dryRun: false });
	expect(done.code).toBe(8);
	expect(done.stderr).toBe(said.filter((line) => !line.includes("later.txt")).join("\n"));
	expect(git("branch", "--list", "--format=%(refname:short)", "dispatch/p-*").split("\n")).toEqual([
		"dispatch/p-dirty",
		"dispatch/p-kept",
		"dispatch/p-needed",
		"dispatch/p-twin",
	]);
	const force = JSON_SCHEMAS.prune.parse(await user.json([...prune, "--force", "--dry-run"]));
	expect(force.removed).toEqual(["p-dirty"]);
	expect(await user.json([...prune, "--force"])).toEqual({ ...force, dryRun: false });
	await user.ok(["cancel", "p-next"]);
	expect(await user.ok([...prune, "--dry-run"])).toBe("  p-needed\nWould remove 1 task older than 1ms.\n");
});

test("a setup runs once, in the worktree, before the first agent; its failure is the task's, with what it printed", async () => {
	const told = ["--worktree", "--setup", "echo x >>deps; pwd"];
	await user.ok(["enqueue", ...told, "--id", "set", "«test -e deps; echo y >>deps»"]);
	await user.waitForState("set", "completed");
	await user.ok(["retry", "set"]);
	await user.waitForState("set", "completed");
	expect(git("show", "dispatch/set:deps")).toBe("x\ny\ny");
	await user.ok([
		"enqueue",
		"--worktree",
		"--setup",
		"echo no network; exit 7",
		"--id",
		"unset",
		"«touch ran»",
	]);
	const failed = await user.taskInState("unset", "failed");
	expect(failed).toMatchObject({ reason: "setup_failed", outcome: { logTail: ["no network"] } });
	expect(failed.outcome).toMatchObject({ exitCode: null });
	expect(failed.outcome?.message).toMatch(/exit code 7.*dispatch retry unset/);
	const shown = await user.ok(["status", "unset"]);
	expect(shown).toMatch(/^The setup's last lines \(all: dispatch logs unset\):\n {2}\| no network$/m);
	expect(shown).not.toMatch(/agent ended/);
	const logs = await user.run(["logs", "unset"]);
	expect(logs).toMatchObject({ code: 0, stderr: "" });
	expect(logs.stdout).toMatch(
		/^┃ The setup printed this \(exit code 7\); all of it is in \S*setup\.log\n┃ \| no network\n$/,
	);
	const raw = await user.run(["logs", "unset", "--raw"]);
	expect(raw).toMatchObject({ code: 0, stdout: "" });
	const path = /^dispatch: What the setup printed is in (\S+)\n$/.exec(raw.stderr)?.[1] ?? "";
	expect(readFileSync(path, "utf8")).toBe("no network\n");
	expect(await user.ok(["logs", "set"])).toMatch(/^┃ The setup has printed something; all of it is in \S+$/m);
	expect(await user.ok(["status", "set"])).toContain("dispatch diff set; dispatch apply set");
	expect(git("diff", "--name-only", "main", "dispatch/unset")).toBe("");
	expect(await user.run(["enqueue", "--setup", "true", "x"])).toMatchObject({ code: 2 });
});

test("apply brings it into the branch that one stands in, and one that conflicts changes nothing", async () => {
	for (const id of ["left", "right"])
		await user.ok(["enqueue", "--worktree", "--id", id, `«echo ${id} >a.txt»`]);
	for (const id of ["left", "right"]) await user.waitForState(id, "completed");
	git("checkout", "--quiet", "-b", "applied");
	expect(await user.ok(["apply", "left"])).toContain("`left` is applied: 1 file, +1 −1");
	expect(await user.run(["apply", "right"])).toMatchObject({
		code: 8,
		stderr: expect.stringContaining("conflict with yours in a.txt"),
	});
	expect([git("status", "--porcelain"), git("show", "HEAD:a.txt")]).toEqual(["", "left"]);
	// It is in a branch of the user's now.
	expect(await user.run(["rm", "left"])).toMatchObject({ code: 0, stderr: "" });
	git("checkout", "--quiet", "main");
});

test("a start of which the worktree was removed fails and names it", async () => {
	await user.ok(["enqueue", "--worktree", "--id", "gone", "«echo x >g.txt»"]);
	await user.waitForState("gone", "completed");
	git("worktree", "remove", "--force", join((await work("gone")).cwd));
	await user.ok(["retry", "gone"]);
	const failed = await user.taskInState("gone", "failed");
	expect(failed.outcome?.message).toMatch(/The worktree of `gone` is gone.*on the branch dispatch\/gone/);
	expect(git("show", "dispatch/gone:g.txt")).toBe("x");
});

test(`${WORKTREES} worktrees of one repository, ${ROUNDS} starts each, ${BUSY} at a time: no change is lost, nothing is left locked`, async () => {
	const ids = Array.from({ length: WORKTREES }, (_, n) => `many-${n}`);
	const told = "«echo $DISPATCH_TASK >>all.txt; echo x >$DISPATCH_TASK.txt»";
	for (const id of ids) await user.ok(["enqueue", "--worktree", "--id", id, told]);
	for (let round = 1; round <= ROUNDS; round++) {
		for (const id of ids) await user.waitForState(id, "completed");
		if (round < ROUNDS) await user.ok(["retry", ...ids]);
		for (const id of ids) await expect.poll(async () => (await work(id)).epoch).toBeGreaterThanOrEqual(round);
	}
	for (const id of ids) {
		expect(git("show", `dispatch/${id}:all.txt`)).toBe(Array(ROUNDS).fill(id).join("\n"));
		expect(git("show", `dispatch/${id}:${id}.txt`)).toBe("x");
	}
	expect(locksIn(user.project)).toEqual([]);
	expect(git("fsck", "--no-dangling")).toBe("");
	expect(git("status", "--porcelain")).toBe("");
});

test("on a terminal: uncommitted changes are not there, and who else works in the same tree", async () => {
	await user.ok(["enqueue", "--id", "first", "«exec sleep 1000»"]);
	await user.waitForState("first", "running");
	const typed = (args: string[]) => {
		const screen = new Screen([process.execPath, PROGRAM, "enqueue", ...args], {
			columns: 160,
			rows: 24,
			cwd: join(user.project, "sub"),
			env: user.env,
		});
		screens.push(screen);
		return screen;
	};
	await typed(["--id", "second", "--delay", "1h", "x"]).waitFor("`first` works in");
	writeIn(user.project, "a.txt", "mine\n");
	await typed(["--id", "third", "--worktree", "--delay", "1h", "x"]).waitFor(
		"Your uncommitted changes are not in its worktree",
	);
	const piped = await user.run(["enqueue", "--id", "fourth", "--delay", "1h", "x"]);
	expect(piped).toMatchObject({ code: 0, stderr: "" });
	await user.ok(["cancel", "first", "second", "third", "fourth"]);
	git("checkout", "--quiet", "a.txt");
});

test("what an agent wrote steers no terminal by `dispatch diff`, and is the same bytes in a pipe", async () => {
	const secret = `ghp_${"a1B2".repeat(9)}`;
	const told = `«printf 'x\\033]0;title\\007\\033[2Jy ${secret}\\n' >esc.txt»`;
	await user.ok(["enqueue", "--worktree", "--id", "escapes", told]);
	await user.waitForState("escapes", "completed");
	const env = { ...user.env, NO_COLOR: "1" };
	const screen = new Screen([process.execPath, PROGRAM, "diff", "escapes"], {
		columns: 160,
		rows: 24,
		cwd: user.project,
		env,
	});
	screens.push(screen);
	const shown = await screen.waitFor("+xy");
	expect(shown).not.toContain(secret);
	const piped = await user.ok(["diff", "escapes"]);
	expect(piped).toContain(`+x\u001b]0;title\u0007\u001b[2Jy ${secret}`);
});

test("a task of a batch may have one, with its setup; a repository is looked at once", async () => {
	const tasks = ["b1", "b2"].map((id) => `  - { id: ${id}, prompt: "«test -e deps; echo ${id} >b.out»" }`);
	const file = join(user.path, "tasks.yaml");
	writeFileSync(
		file,
		`defaults: { worktree: true, setup: "touch deps", cwd: ${user.project}/sub }\ntasks:\n${tasks.join("\n")}\n`,
	);
	await user.ok(["batch", file, "--wait"]);
	for (const id of ["b1", "b2"]) expect(git("show", `dispatch/${id}:sub/b.out`)).toBe(id);
	writeFileSync(file, 'tasks:\n  - { prompt: x, setup: "true" }\n');
	expect(await user.run(["batch", file])).toMatchObject({
		code: 2,
		stderr: expect.stringContaining("`setup:` needs `worktree:`"),
	});
});
