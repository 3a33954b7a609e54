/** The branches of worktrees that are taken away, while others are made and taken away. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { newNonce } from "../../src/queue/records/store.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import {
	branch,
	commitThere,
	folder,
	id,
	number,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	submitted,
	there,
	worktree,
} from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

const branches = () =>
	gitIn(repository, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/dispatch")
		.split("\n")
		.filter(Boolean);

/** Once all have decided that their branch goes, and none has deleted it. @returns the environment of such a git */
function meeting(many: number) {
	const met = join(folder, `met${number}`);
	const bin = join(folder, `bin${number}`);
	const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
	writeIn(
		bin,
		"git",
		`#!/bin/sh
case "$*" in *"update-ref --no-deref --stdin")
	mkdir -p ${met} && : >${met}/$$
	until [ "$(ls ${met} | wc -l)" -ge ${many} ]; do sleep 0.02; done ;;
esac
exec ${real} "$@"
`,
	);
	chmodSync(join(bin, "git"), 0o755);
	return { ...GIT_ENV, PATH: `${bin}:${GIT_ENV.PATH}` };
}

test("of several with the same commits that are removed at once, one branch stays", async () => {
	commitThere("c.txt");
	const all = [worktree];
	for (const end of ["b", "c", "d"]) {
		const next = await submitted(`${id}-${end}`);
		await makeWorktree(next);
		gitIn(next.path, "merge", "--quiet", "--ff-only", branch);
		all.push(next);
	}
	const env = meeting(all.length);
	const removals = all.map(({ task, nonce, spec }) =>
		removeWorktree(new Worktree({ id: task, nonce, worktree: spec }, env), { force: false }),
	);
	const kept = (await Promise.all(removals)).flatMap(({ branchKept }) => branchKept?.name ?? []);
	expect(kept).toHaveLength(1);
	expect(branches()).toEqual(kept);
});

test("a branch does not go by one that is gone by then, or has lost its commits", async () => {
	commitThere("c.txt");
	const tip = there("rev-parse", "HEAD");
	const base = there("rev-parse", "HEAD~1");
	const holder = { ref: "refs/heads/holder", object: tip };
	const refused = { code: "DISPATCH_GIT" };
	await expect(worktree.branch.delete(tip, holder)).rejects.toMatchObject(refused);
	gitIn(repository, "branch", "holder", base);
	await expect(worktree.branch.delete(tip, holder)).rejects.toMatchObject(refused);
	expect(branches()).toEqual([branch]);
	gitIn(repository, "branch", "--force", "holder", tip);
	await worktree.branch.delete(tip, holder);
	expect(branches()).toEqual([]);
});

test("the branch of a newer task of its id stays, though nothing was done on it", async () => {
	there("checkout", "--quiet", "--detach");
	there("branch", "--quiet", "-D", branch);
	const newer = new Worktree({ id, nonce: newNonce(), worktree: worktree.spec }, GIT_ENV);
	await makeWorktree(newer);
	await removeWorktree(worktree, { force: true });
	expect(branches()).toEqual([branch]);
	await removeWorktree(newer, { force: false });
	expect(branches()).toEqual([]);
});

test("its own branch goes, though git has forgotten who made it", async () => {
	gitIn(repository, "reflog", "expire", "--expire=all", `refs/heads/${branch}`);
	expect(await worktree.branch.madeFor()).toBeNull();
	await removeWorktree(worktree, { force: false });
	expect(branches()).toEqual([]);
});
