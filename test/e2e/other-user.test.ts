/** What permissions forbid is invisible to root: here everything runs as another user. */
import { spawnSync } from "node:child_process";
import {
	chmodSync,
	chownSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

const STRANGER = 65_533;
const isRoot = process.getuid?.() === 0;
let user: User;
afterEach(() => user?.cleanup());

const nobody = (options: ConstructorParameters<typeof User>[0] = {}) => {
	user = new User({ ...options, asNobody: true });
	return user;
};
const agents = () => user.processes().filter(({ run }) => run !== null);

test("the main job as a user who is not root: all files are theirs and nobody else's", async () => {
	nobody();
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	await user.ok(["answer", "t", "blue"]);
	expect(await user.taskInState("t", "completed")).toMatchObject({
		attempt: 1,
		plan: { done: 3, total: 3 },
	});
	expect(await user.ok(["output", "t"])).toBe("The answer: blue\n");
	const { uid } = statSync(user.taskFile("t", "plan.md"));
	expect(uid).not.toBe(0);
	expect(statSync(user.home).mode & 0o077).toBe(0);
});

test.runIf(isRoot).each([
	["root", 0, "root", 0o755],
	["root", 0, "root", 0o700],
	["a stranger", STRANGER, `uid ${STRANGER}`, 0o755],
	["a stranger", STRANGER, `uid ${STRANGER}`, 0o700],
])(
	"a state directory that is %s's own says whose it is, to every command, and is left as it is (%i, %s; around it %o)",
	async (_, uid, who, around) => {
		nobody();
		const home = join(user.path, "around/theirs");
		mkdirSync(join(home, "at"), { recursive: true });
		writeFileSync(join(home, "address"), "local\n");
		for (const [path, mode] of [
			[join(home, "address"), 0o600],
			[join(home, "at"), 0o700],
			[home, 0o755],
			[dirname(home), around],
		] as const) {
			chownSync(path, uid, uid);
			chmodSync(path, mode);
		}
		for (const command of [["ls"], ["enqueue", "Do it"], ["up"], ["status"], ["doctor"], ["down"]]) {
			const { code, stdout, stderr } = await user.run(command, { env: { DISPATCH_HOME: home } });
			expect([command, code === 0]).toEqual([command, false]);
			// Or of the config in it, which is read first.
			expect(stdout + stderr).toContain(around === 0o700 ? home : `The state directory ${home} belongs to `);
			expect(stdout + stderr).toMatch(new RegExp(`belongs to .*${who}`));
			expect(stdout + stderr).toMatch(/Use one of your own: DISPATCH_HOME names it/);
		}
		expect(readdirSync(home).sort()).toEqual(["address", "at"]);
	},
);

test("an agent that locks its own task directory can be cancelled", async () => {
	nobody({ agent: "locks-its-directory.sh" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "running");
	await expect.poll(() => statSync(user.taskFile("t", "")).mode & 0o777).toBe(0);
	await user.ok(["cancel", "t"]);
	await user.waitForState("t", "cancelled");
	await expect.poll(agents).toEqual([]);
});

test("an agent that locks its run directory can be cancelled, also by a worker that never saw it", async () => {
	nobody({ agent: "locks-its-run.sh" });
	const run = (id: string) => join(user.home, "runs", id, "1");
	for (const id of ["t", "later"]) {
		await user.ok(["enqueue", "--id", id, "Do it"]);
		await expect.poll(() => existsSync(join(user.project, `${id}.locked`))).toBe(true);
	}
	await user.ok(["cancel", "t"]);
	await user.waitForState("t", "cancelled");
	await user.ok(["up", "--restart"]);
	await user.ok(["cancel", "later"]);
	await user.waitForState("later", "cancelled");
	await expect.poll(agents).toEqual([]);
	for (const id of ["t", "later"]) {
		chmodSync(run(id), 0o700);
		await user.ok(["rm", id]);
	}
});

test("an agent that locks its run directory is stopped by its limits, also by a worker that never saw it", async () => {
	nobody({ agent: "locks-its-run.sh", config: "limits: { deadline: 12s }" });
	const run = join(user.home, "runs", "t", "1");
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await expect.poll(() => existsSync(join(user.project, "t.locked"))).toBe(true);
	await user.ok(["up", "--restart"]);
	await user.waitForState("t", "failed");
	await expect.poll(agents).toEqual([]);
	chmodSync(run, 0o700);
});

test("an agent that locks its own task directory is stopped by its limits", async () => {
	nobody({
		agents: { locks: "locks-its-directory.sh", stuck: "stuck.sh" },
		config: "limits: { inactivity: 2s }",
	});
	await user.ok(["enqueue", "--id", "t", "--model", "locks", "Do it"]);
	await user.ok(["enqueue", "--id", "other", "--model", "stuck", "Do it"]);
	// Nor does it take the limits of others away.
	expect((await user.taskInState("other", "failed")).reason).toBe("stuck");
	expect((await user.taskInState("t", "failed")).reason).toBe("stuck");
	await expect.poll(agents).toEqual([]);
});

test("a config that cannot be read is named, and nothing is started, by who only looks either", async () => {
	nobody();
	const config = join(user.home, "config.yaml");
	chmodSync(config, 0);
	for (const args of [["enqueue", "Do it"], ["up"]]) {
		const ran = await user.run(args);
		expect(ran.stderr).toContain(config);
		expect(ran.stderr).toMatch(/^[^\n]+\[DISPATCH_[A-Z_]+\]\n$/);
		expect([0, 70]).not.toContain(ran.code);
	}
	const looked = await user.run(["ls"]);
	expect(looked).toMatchObject({ code: 5, stderr: expect.stringContaining(config) });
	expect(user.processes()).toEqual([]);
});

test("a working directory that may not be written to: refused or not_started, with the reason", async () => {
	nobody();
	const cwd = join(user.path, "closed");
	mkdirSync(cwd);
	chmodSync(cwd, 0o555);
	chownSync(cwd, statSync(user.project).uid, statSync(user.project).gid);
	const ran = await user.run(["enqueue", "--id", "t", "--cwd", cwd, "Do it"]);
	const said = ran.code === 0 ? (await user.taskInState("t", "failed")).outcome?.message : ran.stderr;
	expect(said).toMatch(/closed is not writable/);
	chmodSync(cwd, 0o755);
});

const LOCKS = [
	["the directory of its starts", () => join(user.home, "runs", "first")],
	["the directory of a start", () => join(user.home, "runs", "first", "1")],
	["its task directory", () => user.taskFile("first", "")],
	["the stamp in its task directory", () => user.taskFile("first", ".owner.json")],
] as const;

test.each(LOCKS)(
	"%s is locked: rm takes the record and tells what stays; its host clears the rest once that can be opened",
	async (_what, pathOf) => {
		nobody();
		const ids = ["first", "second"];
		for (const id of ids) await user.ok(["enqueue", "--id", id, "Do it"]);
		for (const id of ids) await user.waitForState(id, "asking");
		for (const id of ids) await user.ok(["answer", id, "blue"]);
		for (const id of ids) await user.waitForState(id, "completed");
		const path = pathOf();
		const { mode } = statSync(path);
		chmodSync(path, 0);
		const ran = await user.run(["rm", "first"]);
		expect(ran).toMatchObject({ code: 0, stderr: expect.stringMatching(/`first`/) });
		expect((await user.run(["status", "first"])).stderr).toContain("DISPATCH_NO_SUCH_TASK");
		expect(existsSync(path)).toBe(true);
		chmodSync(path, mode & 0o777);
		// It looks again at each removal.
		await user.ok(["rm", "second"]);
		const left = () =>
			[user.taskFile("first", ""), join(user.home, "runs", "first")].filter((each) => existsSync(each));
		await expect.poll(left).toEqual([]);
	},
);

test("a locked start of a task hides no agent that lives of another start of it", async () => {
	nobody();
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	const later = join(user.home, "runs", "t", "2");
	mkdirSync(later);
	chownSync(later, statSync(user.home).uid, statSync(user.home).gid);
	chmodSync(later, 0);
	const down = await user.run(["down"]);
	chmodSync(later, 0o700);
	expect(down.stdout).toContain("1 agent runs on");
	expect(down.stderr).toContain("Could not look whether agents live: t/2.");
});

/** What a user who is neither root nor the victim gets to see or do. */
function stranger(file: string, args: string[], env: Record<string, string> = {}) {
	const own = { uid: STRANGER, gid: STRANGER, cwd: "/" };
	const ran = spawnSync(file, args, {
		...own,
		env: { PATH: process.env.PATH ?? "", ...env },
		encoding: "utf8",
	});
	return { code: ran.status, said: ran.stdout + ran.stderr };
}

/**
 * What others could read or write if the directories above let them; what the agent (its wrapper's number too) and
 * this test made is their own affair.
 */
function openToOthers(home: string, project: string): string[] {
	const places = [home, join(project, ".dispatch")];
	const args = [...places, "-perm", "/077", "!", "-type", "l", "-printf", "%P %#m\\n"];
	const { stdout } = spawnSync("find", args, { encoding: "utf8" });
	return stdout
		.split("\n")
		.filter(
			(line) =>
				line !== "" &&
				!/config\.yaml |(?:plan|output|context)\.md |ipc\/[^/]*(?:done|question)|\/pid /.test(line),
		)
		.sort();
}

/** The command that agents call holds no secret. */
const OPEN_TO_OTHERS = ["bin/dispatch 0755"];

test.runIf(isRoot)(
	"two users on one machine, umask 000: neither reads the other's words, nor makes the other's worker run anything",
	async () => {
		nobody();
		const config = join(user.home, "config.yaml");
		const text = readFileSync(config, "utf8").replace("type: command", "prompt_by: file, type: command");
		writeFileSync(config, text);
		// Inherited by everything that is started from here on.
		const umask = process.umask(0);
		try {
			// All that lies around dispatch's own directories is open to everybody.
			for (const path of [user.path, user.project]) chmodSync(path, 0o777);
			await user.ok(["enqueue", "--id", "t", "--verify", "true", "-"], {
				input: "the-prompt-is-private",
			});
			await user.waitForState("t", "asking");
			await user.ok(["answer", "t", "the-answer-is-private"]);
			await user.waitForState("t", "completed");
			await user.ok(["retry", "t", "--fresh"]);
			await user.waitForState("t", "asking");
			const lines = stranger("ps", ["-eo", "args"]).said;
			expect(lines).toMatch(/ten-line\.sh .*Your instructions are in the file/);
			expect(lines).not.toContain("is-private");
			await user.ok(["answer", "t", "the-answer-is-private"]);
			await user.waitForState("t", "completed");
			const readable = stranger("grep", ["-rIlE", "is-private|Which colour", user.path]).said;
			expect(
				readable.split("\n").filter((line) => line !== "" && !/Permission denied|fake|agents\//.test(line)),
			).toEqual([]);
			// Whatever becomes of the directories above them: each file is private by itself.
			expect(openToOthers(user.home, user.project)).toEqual(OPEN_TO_OTHERS);
			// Of everything that dispatch made, the sockets of its Redis among them, nothing may be written.
			const dispatchFolders = [user.home, join(user.project, ".dispatch")];
			for (const folder of dispatchFolders)
				expect(
					stranger("sh", ["-c", `ls ${folder}; echo x >${folder}/x; mv ${folder}/tasks ${folder}/y`]).said,
				).not.toMatch(/^(?!.*(?:denied|cannot)).+$/m);
			const program = [join(user.path, "dist/dispatch.cjs")];
			const asVictim = { DISPATCH_HOME: user.home, HOME: user.path };
			for (const args of [["ls"], ["enqueue", "--id", "theirs", "x"], ["rm", "t"], ["answer", "t", "x"]]) {
				const ran = stranger(process.execPath, [...program, ...args], asVictim);
				expect(ran.code).not.toBe(0);
				expect(ran.said).not.toMatch(/is-private/);
			}
			expect((await user.json<{ id: string }[]>(["ls"])).map(({ id }) => id)).toEqual(["t"]);
		} finally {
			process.umask(umask);
		}
	},
);

test.runIf(isRoot)("a .dispatch that another user put into the project is not used", async () => {
	nobody();
	for (const path of [user.path, user.project]) chmodSync(path, 0o777);
	const planted = join(user.project, ".dispatch");
	expect(stranger("mkdir", ["-p", "-m", "777", planted, join(planted, "tasks")]).code).toBe(0);
	const ran = await user.run(["enqueue", "--id", "t", "the-prompt-is-private"]);
	const said = ran.code === 0 ? (await user.taskInState("t", "failed")).outcome?.message : ran.stderr;
	expect(said).toMatch(/\.dispatch.* belongs to another user/);
	expect(stranger("grep", ["-r", "is-private", planted]).code).toBe(1);
});

test.runIf(isRoot)(
	"a state directory of another user that cannot be written to: a clear refusal",
	async () => {
		nobody();
		const foreign = join(user.path, "foreign");
		mkdirSync(foreign, { mode: 0o755 });
		writeFileSync(join(foreign, "config.yaml"), "default: x\n");
		const ran = await user.run(["enqueue", "Do it"], { env: { DISPATCH_HOME: foreign } });
		expect(ran.stderr).toContain(foreign);
		expect(ran.stderr).toMatch(/^[^\n]+\[DISPATCH_[A-Z_]+\]\n$/);
		expect([0, 70]).not.toContain(ran.code);
	},
);
