/** dispatch is killed (kill -9) over a worktree: what it left keeps nobody from going on, and goes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import type { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import { bundled, source } from "../process/bundled.ts";
import { killIfThere, processesOf } from "../processes.ts";
import {
	folder,
	newRepository,
	onWorktreeOf,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	shared,
	submitted,
	worktree,
} from "./stage.ts";

setTheStage();

/** They are deleted in turns. */
const MANY = 4_000;

afterEach(async () => {
	for (const { pid } of processesOf(folder)) killIfThere(pid);
	await expect.poll(() => processesOf(folder)).toEqual([]);
});

/** gitattributes(5), "Long Running Filter Process": one that can do nothing. */
const SPEAKS = "printf '0016git-filter-server\\n000eversion=2\\n00000000'; exec cat >/dev/null";

/** A filter that, once armed, leaves a program behind, and then waits to be let go. */
async function withFilter(name: string, kind: string) {
	const [armed, begun, go, filter] = ["armed", "begun", "go", "filter.sh"].map((end) =>
		join(folder, name, end),
	);
	const leave = `: >${begun}; setsid sleep 1000 </dev/null >/dev/null 2>&1 & while [ ! -e ${go} ]; do sleep 0.05; done`;
	writeIn(
		join(folder, name),
		"filter.sh",
		`#!/bin/sh\nif rm ${armed} 2>/dev/null; then ${leave}; fi\n${kind === "process" ? SPEAKS : "exec cat"}\n`,
	);
	chmodSync(String(filter), 0o755);
	const project = join(folder, name, "project");
	newRepository(project);
	writeIn(project, ".gitattributes", "*.in filter=in\n");
	writeIn(project, "a.in", "one\n");
	gitIn(project, "add", "--all");
	gitIn(project, "commit", "--quiet", "--message", "filtered");
	gitIn(project, "config", `filter.in.${kind}`, String(filter));
	await onWorktreeOf(project);
	return {
		arm: () => writeIn(join(folder, name), "armed", ""),
		hasBegun: () => existsSync(String(begun)),
		letGo: () => writeIn(join(folder, name), "go", ""),
	};
}

/** The act, in a process of its own. */
async function dispatching(act: string, { task: id, nonce, spec }: Worktree) {
	const program = await bundled(
		folder,
		`import { saveWork } from ${source("workspace/commit.ts")};
		import { makeWorktree } from ${source("workspace/make.ts")};
		import { removeWorktree } from ${source("workspace/remove.ts")};
		import { Worktree } from ${source("workspace/worktree.ts")};
		const worktree = new Worktree(JSON.parse(process.argv[2]), JSON.parse(process.argv[3]));
		const acts = {
			make: () => makeWorktree(worktree),
			save: () => saveWork(worktree, "start 1"),
			remove: () => removeWorktree(worktree, { force: false }),
		};
		await acts[process.argv[4]]();`,
	);
	const owner = JSON.stringify({ id, nonce, worktree: spec });
	return spawn(process.execPath, [program, owner, JSON.stringify(GIT_ENV), act], { stdio: "inherit" });
}

const leftBeside = ({ spec, adminDir }: Worktree) => [
	...readdirSync(spec.folder).filter((name) => name.includes(".git-")),
	...readdirSync(adminDir).filter((name) => name.startsWith("index.")),
];

test.each([
	["clean", "save"],
	["process", "save"],
	["smudge", "make"],
])(
	"what a filter (%s) left to live on holds up no later act, by another seal too, and copies of git's own are gone after it",
	async (kind, act) => {
		const { arm, hasBegun, letGo } = await withFilter(kind, kind);
		const one = act === "make" ? await submitted("anew") : worktree;
		if (act === "save") writeIn(one.path, "a.in", "two\n");
		arm();
		const dispatch = await dispatching(act, one);
		await expect.poll(hasBegun).toBe(true);
		dispatch.kill("SIGKILL");
		await once(dispatch, "exit");
		expect(leftBeside(one)).not.toEqual([]);
		letGo();
		const living = () => processesOf(folder).map(({ command }) => command);
		await expect.poll(living).toEqual(["sleep 1000"]);
		await makeWorktree(one, (isWhole) => `sealed ${isWhole}`);
		await saveWork(one, "start 1");
		expect(leftBeside(one)).toEqual([]);
		expect(gitIn(repository, "show", `dispatch/${one.task}:a.in`)).toBe(act === "save" ? "two" : "one");
		// Nobody has ended it.
		expect(living()).toEqual(["sleep 1000"]);
		await removeWorktree(one, { force: true });
	},
);

test.each<[string, () => Promise<unknown>]>([
	["the next start", () => makeWorktree(worktree)],
	["its end", () => saveWork(worktree, "start 1")],
])("copies of the index of killed processes go at %s; those of a living one stay", async (name, act) => {
	await onWorktreeOf(shared);
	const path = (pid: number, end: string) => `index.dispatch-${pid}-0badcafe${end}`;
	const [dead, alive] = [2 ** 22 + 1, process.pid].map((pid) => ["", ".lock"].map((end) => path(pid, end)));
	for (const each of [...(dead ?? []), ...(alive ?? [])]) writeIn(worktree.adminDir, each, name);
	await act();
	expect(leftBeside(worktree).sort()).toEqual(alive);
});

test("a filter that fails is told as it stands in the config", async () => {
	const project = join(folder, "failing");
	newRepository(project);
	writeIn(project, ".gitattributes", "*.in filter=in\n");
	gitIn(project, "config", "filter.in.clean", "false # mine");
	gitIn(project, "config", "filter.in.required", "true");
	gitIn(project, "add", "--all");
	gitIn(project, "commit", "--quiet", "--message", "filtered");
	await onWorktreeOf(project);
	writeIn(worktree.path, "a.in", "one\n");
	await expect(saveWork(worktree, "start 1")).rejects.toMatchObject({
		message: expect.stringContaining("external filter 'false # mine' failed"),
	});
});

/** Its files that are still there, wherever: of a removal under way. */
function leftOf({ spec, path }: Worktree): number {
	const names = readdirSync(spec.folder).filter((name) => name.startsWith(basename(path)));
	const folders = names.map((name) => join(spec.folder, name, "many")).filter((each) => existsSync(each));
	return folders.flatMap((each) => readdirSync(each)).length;
}

test.each<[string, () => Promise<unknown>]>([
	["the removal, made again", async () => {}],
	["an act on it", () => worktree.sweep()],
])("a removal that was killed in the middle deleted nothing of an agent's: %s ends it", async (_, act) => {
	await onWorktreeOfItsOwn();
	for (let n = 0; n < MANY; n++) writeIn(worktree.path, `many/${n}`, "");
	await saveWork(worktree, "start 1");
	const dispatch = await dispatching("remove", worktree);
	while (leftOf(worktree) === MANY) await turn();
	dispatch.kill("SIGKILL");
	await once(dispatch, "exit");
	expect(leftOf(worktree)).toBeGreaterThan(0);
	await act();
	await removeWorktree(worktree, { force: false });
	expect(
		readdirSync(worktree.spec.folder).filter((name) => name.startsWith(basename(worktree.path))),
	).toEqual([]);
});
