/** Settings by which git keeps what it writes elsewhere, or in another form: nothing is lost by them, whoever set them. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { applyWork, WAYS } from "../../src/workspace/apply.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { changedFiles } from "../../src/workspace/diff.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import {
	filesOf,
	folder,
	newRepository,
	number,
	onWorktreeOf,
	onWorktreeOfItsOwn,
	repository,
	setTheStage,
	there,
	worktree,
} from "./stage.ts";

setTheStage();

/** A home with a git config of one's own. */
let home: string;
let env: typeof GIT_ENV;
beforeEach(() => {
	home = join(folder, `home${number}`);
	mkdirSync(home);
	env = { ...GIT_ENV, HOME: home };
});

const OWNERS: Record<string, (name: string, value: string) => void> = {
	"the repository's own config": (name, value) => void gitIn(repository, "config", name, value),
	"the user's config": (name, value) =>
		void gitIn(home, "config", "--file", join(home, ".gitconfig"), name, value),
};

/** Where git has its index, refs and objects, and in which form. */
const SETTINGS: Record<string, Record<string, string>> = {
	"a split index": { "core.splitIndex": "true" },
	"files of other forms, and rights": {
		"feature.manyFiles": "true",
		"index.version": "4",
		"index.skipHash": "true",
		"core.sharedRepository": "world",
		"core.logAllRefUpdates": "always",
		"core.bigFileThreshold": "1",
		"core.fsyncMethod": "batch",
		"core.fsync": "all",
	},
	"a sparse index": { "core.sparseCheckout": "true", "index.sparse": "true" },
};

const asUser = () => {
	const { id, nonce, worktree: spec } = { id: worktree.task, nonce: worktree.nonce, worktree: worktree.spec };
	return new Worktree({ id, nonce, worktree: spec }, env);
};

/** What stands in the index, in a git of its owner's. */
const staged = (path: string) => gitIn(path, "diff", "--cached", "--name-only");

/** One task from its first save to its removal, with something staged in the user's own tree. */
async function throughAll(way: (typeof WAYS)[number]): Promise<void> {
	const work = asUser();
	writeIn(work.path, "c.txt", "c\n");
	writeIn(repository, "mine.txt", "mine\n");
	gitIn(repository, "add", "mine.txt");
	await saveWork(work, "start 1");
	expect([there("status", "--porcelain"), filesOf().includes("c.txt")]).toEqual(["", true]);
	expect((await changedFiles(work)).map(({ path }) => path)).toEqual(["c.txt"]);
	writeIn(work.path, "d.txt", "d\n");
	await applyWork(work, { cwd: repository, way, env });
	expect(there("status", "--porcelain")).toBe("");
	expect(staged(repository)).toContain("mine.txt");
	expect(gitIn(repository, "status", "--porcelain").split("\n")).toContain("A  mine.txt");
	expect(existsSync(join(repository, "d.txt"))).toBe(true);
	await removeWorktree(work, { force: true });
	gitIn(repository, "fsck", "--no-dangling");
}

describe.each(Object.entries(OWNERS))("in %s", (_, set) => {
	beforeEach(onWorktreeOfItsOwn);

	test.each(Object.entries(SETTINGS))(
		"%s: what is staged stays, and the index can be read",
		async (_, settings) => {
			for (const [name, value] of Object.entries(settings)) set(name, value);
			const way = WAYS[number % WAYS.length] ?? "merge";
			await throughAll(way);
		},
	);
});

describe("an index that is split already", () => {
	beforeEach(onWorktreeOfItsOwn);

	const SPLIT: Record<string, () => string[]> = {
		"that of the user's own tree": () => [repository],
		"both, as the config says": () => {
			gitIn(repository, "config", "core.splitIndex", "true");
			return [worktree.path, repository];
		},
	};

	test.each(Object.entries(SPLIT))("%s, is read, and nothing of it is lost", async (_, which) => {
		for (const path of which()) gitIn(path, "update-index", "--split-index");
		await throughAll("merge");
	});
});

test("a folder for the objects of LFS that the config names beside git's own is the repository's, and outlives the act", async () => {
	const own = join(folder, "lfs");
	newRepository(own);
	const program = join(folder, "lfs-clean");
	writeFileSync(
		program,
		'#!/bin/sh\nstorage=$(git config lfs.storage)\ncase $storage in /*) ;; *) storage=$GIT_DIR/$storage ;; esac\nmkdir -p "$storage" && cat >"$storage/object" && echo pointer\n',
	);
	chmodSync(program, 0o755);
	gitIn(own, "config", "filter.lfs.clean", program);
	gitIn(own, "config", "lfs.storage", "elsewhere/lfs");
	writeIn(own, ".gitattributes", "*.big filter=lfs\n");
	gitIn(own, "add", ".gitattributes");
	gitIn(own, "commit", "--quiet", "--message", "attributes");
	await onWorktreeOf(own);
	writeIn(worktree.path, "a.big", "big\n");
	await saveWork(worktree, "start 1");
	expect(gitIn(own, "show", `dispatch/${worktree.task}:a.big`)).toBe("pointer");
	expect(readdirSync(join(own, ".git/elsewhere/lfs"))).toEqual(["object"]);
});
