/** A git worktree of a task's own: what is signed of it, and what follows from that. */
import { join } from "node:path";
import { type Check, count, matching, nullable, object, text } from "./check.ts";
import { cutText } from "./cut-text.ts";

/** Written by the producer, never changed; the paths are absolute, on the task's host. */
export interface WorktreeSpec {
	/** the top directory of the working tree that it was enqueued from */
	repository: string;
	/** what all worktrees of the repository share (its `.git`) */
	gitDir: string;
	/** the commit that was HEAD */
	base: string;
	/** where in the repository the task works, "" at its top */
	inside: string;
	/** the directory of the host's worktrees */
	folder: string;
	/** a digest of the programs that the repository's own config names (`programsIn`); null: none */
	programs: string | null;
}

/** One creation of a task, and its worktree. */
export interface OwnerOfWorktree {
	id: string;
	nonce: string;
	worktree: WorktreeSpec;
}

const ABSOLUTE = matching(/^\/[^\0]*$/, "an absolute path");
const COMMIT = matching(/^[0-9a-f]{40,64}$/, "a commit");

export const checkWorktree: Check<WorktreeSpec> = object<WorktreeSpec>({
	repository: ABSOLUTE,
	gitDir: ABSOLUTE,
	base: COMMIT,
	inside: matching(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\0]*$/s, "a path in the repository"),
	folder: ABSOLUTE,
	programs: nullable(text),
});

/** What a task's branch holds beyond its base, as counted when its agent ended last. */
export interface Changes {
	files: number;
	insertions: number;
	deletions: number;
	/** the branch's last commit */
	commit: string;
}

export const checkChanges: Check<Changes> = object<Changes>({
	files: count,
	insertions: count,
	deletions: count,
	commit: COMMIT,
});

/** The branches of tasks, "dispatch/<id>", stand below it. */
export const BRANCHES = "dispatch";

export function branchNameOf(id: string): string {
	return `${BRANCHES}/${id}`;
}

/** Of the host's worktrees. @param home the state directory's path */
export function worktreesOf(home: string): string {
	return join(home, "worktrees");
}

const NONCE_CHARS = 8;

/** Names one creation of a task: an id that is enqueued anew gets another directory. */
export function worktreeName({ id, nonce }: { id: string; nonce: string }): string {
	return `${id}-${cutText(nonce, NONCE_CHARS, "")}`;
}

/** A file that is there once the setup of the worktree has succeeded. */
export function setupMark({ folder }: WorktreeSpec, task: { id: string; nonce: string }): string {
	return join(folder, `${worktreeName(task)}.setup`);
}

/** "3 files, +10 −2" */
export function changesText({ files, insertions, deletions }: Omit<Changes, "commit">): string {
	return `${files} ${files === 1 ? "file" : "files"}, +${insertions} −${deletions}`;
}
