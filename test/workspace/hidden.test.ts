/** What an agent writes into a repository so that an object or a history passes for another one: dispatch looks at what the branch holds. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { applyWork } from "../../src/workspace/apply.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { changedFiles, diffLines } from "../../src/workspace/diff.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import { branch, onWorktreeOfItsOwn, repository, setTheStage, there, worktree } from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

const git = (...args: string[]) => gitIn(repository, ...args);

/** A commit beside the branch that differs from it in one file: "good" for "evil". */
function goodTwin(): string {
	writeIn(worktree.path, "a.txt", "good\n");
	there("add", "--all");
	const tree = there("write-tree");
	const good = there("commit-tree", "-p", worktree.spec.base, "-m", "good", tree);
	there("reset", "--quiet", "--hard");
	return good;
}

/** How "good" is shown for "evil". */
const TWINS: Record<string, (good: string) => void> = {
	"a blob that is replaced": (good) => git("replace", `${branch}:a.txt`, `${good}:a.txt`),
	"a tree that is replaced": (good) => git("replace", `${branch}^{tree}`, `${good}^{tree}`),
	"a commit that is replaced": (good) => git("replace", branch, good),
	"a commit graph that names another tree": (good) => {
		git("commit-graph", "write", "--reachable");
		const path = join(repository, ".git/objects/info/commit-graph");
		const graph = readFileSync(path);
		const tree = Buffer.from(git("rev-parse", `${branch}^{tree}`), "hex");
		Buffer.from(git("rev-parse", `${good}^{tree}`), "hex").copy(graph, graph.indexOf(tree));
		writeFileSync(`${path}.new`, graph);
		renameSync(`${path}.new`, path);
	},
};

describe.each(Object.entries(TWINS))("%s", (_, plant) => {
	test("shows in no diff, no number and no file that is applied", async () => {
		const good = goodTwin();
		writeIn(worktree.path, "a.txt", "evil\nlines\n");
		await saveWork(worktree, "start 1");
		plant(good);
		expect(git("diff", "main", branch)).toContain("+good");
		expect(await diffLines(worktree, { isStat: false })).toEqual(expect.arrayContaining(["+evil", "+lines"]));
		expect(await changedFiles(worktree)).toMatchObject([{ path: "a.txt", insertions: 2 }]);
		expect(await saveWork(worktree, "start 2")).toMatchObject({ changes: { insertions: 2 } });
		await applyWork(worktree, { cwd: repository, way: "merge", env: GIT_ENV });
		expect(readFileSync(join(repository, "a.txt"), "utf8")).toBe("evil\nlines\n");
	});
});

/** How `main` seems to hold what only the task's branch does. */
const HISTORIES: Record<string, (tip: string) => void> = {
	"a graft": (tip) => writeIn(repository, ".git/info/grafts", `${worktree.spec.base} ${tip}\n`),
	"a commit that is replaced by one with another parent": (tip) =>
		git("replace", "--graft", worktree.spec.base, tip),
};

describe.each(Object.entries(HISTORIES))("%s", (_, plant) => {
	test("makes no branch hold the work of another one: it is neither deleted nor taken for applied", async () => {
		writeIn(worktree.path, "c.txt", "c\n");
		const { changes } = await saveWork(worktree, "start 1");
		gitIn(worktree.path, "checkout", "--quiet", "--detach", worktree.spec.base);
		plant(changes.commit);
		await expect(removeWorktree(worktree, { force: false })).resolves.toMatchObject({
			branchKept: { name: branch },
		});
		expect(await applyWork(worktree, { cwd: repository, way: "merge", env: GIT_ENV })).toMatchObject({
			isNew: true,
		});
	});
});

test("prefixes that a config names are not those of a diff", async () => {
	git("config", "diff.srcPrefix", "c/");
	git("config", "diff.dstPrefix", "d/");
	writeIn(worktree.path, "a.txt", "evil\n");
	expect(await diffLines(worktree, { isStat: false })).toContain("+++ b/a.txt");
});
