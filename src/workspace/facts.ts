/** What is kept beside a worktree, in `<its path>.json`: whose it is, and whether it is whole. */
import { replaceFile } from "../process/atomic-file.ts";
import { readRegularFile } from "../process/read-file.ts";
import { type Check, flag, nullable, object, since, soundOrNull, text } from "../task/check.ts";
import { checkWorktree, type OwnerOfWorktree, type WorktreeSpec } from "../task/worktree.ts";

export interface Facts {
	task: string;
	nonce: string;
	worktree: WorktreeSpec;
	/** all of it is there */
	isWhole: boolean;
	/** of the rest, by this host: an agent may write here; null: an earlier version wrote it */
	seal: string | null;
}

/** For what is kept beside one that is whole, or not yet. */
export type Sealing = (isWhole: boolean) => string | null;

/** What is signed of a worktree for which this is kept beside it; null: nobody vouches for that. */
export type Vouching = (told: OwnerOfWorktree, seal: string | null) => WorktreeSpec | null;

const checkFacts: Check<Facts> = object<Facts>({
	task: text,
	nonce: text,
	worktree: checkWorktree,
	isWhole: flag,
	seal: since(null, nullable(text)),
});

const LIMIT_BYTES = 64 * 1024;

/** @param path of the worktree. @returns null: there are none, or they are damaged, or another task's */
export function readFacts(path: string, { id, nonce }: { id: string; nonce: string }): Facts | null {
	const file = readRegularFile(`${path}.json`, LIMIT_BYTES);
	const facts = file.kind === "text" ? soundOrNull(checkFacts, file.text) : null;
	return facts?.task === id && facts.nonce === nonce ? facts : null;
}

/** @throws DISPATCH_DISK */
export function writeFacts(path: string, facts: Facts): void {
	replaceFile(`${path}.json`, JSON.stringify(facts));
}
