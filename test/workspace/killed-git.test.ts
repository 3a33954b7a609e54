/**
 * A git that is killed, or has no memory, has answered nothing: at each of its calls in turn it dies once. What was done
 * is what would have been done, or the act fails; no commit is lost; and done again all is as it should be.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { DispatchError } from "../../src/task/errors.ts";
import { saveWork } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { Worktree } from "../../src/workspace/worktree.ts";
import { CHOSEN, part } from "../chance.ts";
import { GIT_ENV, gitIn, writeIn } from "../git.ts";
import {
	branch,
	commitThere,
	folder,
	id,
	onWorktreeOf,
	repository,
	setTheStage,
	shared,
	there,
	worktree,
} from "./stage.ts";

const MOST_CALLS = 60;

setTheStage();
let calls: string;
let bin: string;
beforeAll(() => {
	bin = join(folder, "bin");
	calls = join(folder, "calls");
	mkdirSync(bin);
	const real = gitIn(folder, "--exec-path");
	writeFileSync(
		join(bin, "git"),
		`#!/bin/sh
echo x >>'${calls}'
if [ "$(wc -l <'${calls}')" = "$DIES_AT" ]; then eval "$DIES_BY"; fi
exec '${real}/git' "$@"
`,
	);
	chmodSync(join(bin, "git"), 0o755);
});
beforeEach(() => onWorktreeOf(shared));

const ENDS = { killed: "kill -9 $$", "out of memory": "echo 'fatal: Out of memory' >&2; exit 128" };

/** @param at the call that dies; 0: none does. @returns how many there were */
async function dying<T>(at: number, by: string, act: (disturbed: Worktree) => Promise<T>) {
	rmSync(calls, { force: true });
	const env = { ...GIT_ENV, PATH: `${bin}:${GIT_ENV.PATH}`, DIES_AT: String(at), DIES_BY: by };
	const disturbed = new Worktree({ id, nonce: worktree.nonce, worktree: worktree.spec }, env);
	const done = await act(disturbed).then(
		(value) => ({ value, error: null }),
		(error: unknown) => ({ value: null, error }),
	);
	return { ...done, calls: existsSync(calls) ? readFileSync(calls, "utf8").length / 2 : 0 };
}

/** What the agent left: its commits, newest first. */
const LEFT: Record<string, () => void> = {
	"a commit on its branch": () => commitThere("of-agent.txt"),
	"a commit on no branch": () => {
		there("checkout", "--quiet", "--detach");
		commitThere("loose.txt");
	},
	"a commit on no branch beside one on its branch": () => {
		commitThere("of-agent.txt");
		there("checkout", "--quiet", "--detach", "HEAD~1");
		commitThere("loose.txt");
	},
	"an older commit checked out": () => {
		commitThere("of-agent.txt");
		there("checkout", "--quiet", "--detach", "HEAD~1");
	},
};

const ACTS: Record<string, (worktree: Worktree) => Promise<unknown>> = {
	"beside one that is made": async ({ nonce, spec, env }) => {
		const fresh = new Worktree({ id: `${id}-beside`, nonce, worktree: spec }, env);
		await makeWorktree(fresh);
		return readdirSync(fresh.path);
	},
	saved: async (worktree) => {
		const { changes, left } = await saveWork(worktree, "start 1");
		return { ...changes, commit: null, left };
	},
	removed: async (worktree) => {
		const { branchKept } = await removeWorktree(worktree, { force: false });
		return branchKept?.commits ?? null;
	},
};

const files = () => {
	const isThere = gitIn(repository, "branch", "--list", branch) !== "";
	return isThere ? gitIn(repository, "ls-tree", "-r", "--name-only", branch) : null;
};

/** Of the agent's commits those that neither a branch nor the worktree holds. */
function lost(commits: readonly string[]): string[] {
	return commits.filter((commit) => {
		const held = gitIn(repository, "for-each-ref", "--contains", commit) !== "";
		return !held && !(existsSync(worktree.path) && there("rev-parse", "HEAD") === commit);
	});
}

async function staged(left: string, name: string): Promise<string[]> {
	await onWorktreeOf(shared);
	const before = new Set(gitIn(repository, "rev-list", "--all").split("\n"));
	// Those of the same second would be the same, and hold each other.
	writeIn(worktree.path, "whose.txt", id);
	LEFT[left]?.();
	if (name === "saved") writeIn(worktree.path, "not-committed.txt", "x\n");
	const all = gitIn(worktree.path, "rev-list", branch, "HEAD").split("\n");
	return all.filter((commit) => !before.has(commit));
}

const cases = Object.keys(LEFT).flatMap((left) =>
	Object.keys(ACTS).flatMap((name) => Object.entries(ENDS).map(([how, by]) => ({ left, name, how, by }))),
);

test.each(part(cases, 5))(
	`$left, $name by a git that is $how at each of its calls in turn (${CHOSEN})`,
	async ({ left, name, by }) => {
		const act = ACTS[name] as (typeof ACTS)[string];
		await staged(left, name);
		const sound = await dying(0, by, act);
		const right = { value: sound.value, code: codeOf(sound.error), files: files() };
		expect(sound.calls).toBeGreaterThan(1);
		expect(sound.calls).toBeLessThan(MOST_CALLS);
		const faults: string[] = [];
		for (let at = 1; at <= sound.calls; at++) {
			const commits = await staged(left, name);
			const died = await dying(at, by, act);
			const now = { value: died.value, code: codeOf(died.error), files: files() };
			const isRight = JSON.stringify(now) === JSON.stringify(right);
			if (!isRight && now.code !== "DISPATCH_GIT") faults.push(`call ${at}: ${JSON.stringify(now)}`);
			if (lost(commits).length > 0) faults.push(`call ${at}: lost ${lost(commits)}`);
			const again = await dying(0, by, act);
			if (!isRight && codeOf(again.error) !== right.code) faults.push(`call ${at}, again: ${again.error}`);
			if (files() !== right.files) faults.push(`call ${at}, again: ${files()} for ${right.files}`);
		}
		expect(faults).toEqual([]);
	},
);

function codeOf(error: unknown): string | null {
	if (error === null) return null;
	return error instanceof DispatchError ? error.code : String(error);
}
