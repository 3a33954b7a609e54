/**
 * The branch of a task, `refs/heads/dispatch/<id>`: the one ref that dispatch makes, moves and deletes by itself. An agent
 * may have put a link to another ref, or to another file, in its place: nothing is ever written through one.
 */
import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { GitAnswer } from "../process/git.ts";
import { oneLine } from "../task/clean-text.ts";
import { DispatchError } from "../task/errors.ts";
import { branchNameOf, type WorktreeSpec } from "../task/worktree.ts";
import { reasonOf, yesOrNo } from "./repository.ts";

export interface BranchOf {
	task: string;
	nonce: string;
	spec: WorktreeSpec;
	/** git in the repository. @throws DISPATCH_GIT */
	runThere: (args: readonly string[], options?: { holds?: number; input?: string }) => Promise<GitAnswer>;
}

/** A ref that has all of a branch's commits, and what it is at. */
export interface Holder {
	ref: string;
	object: string;
}

/** In a branch's log: who made it. */
const MADE_FOR = "dispatch: made for ";
/** Of each change: the ref itself, never what it leads to. */
const UPDATE = ["update-ref", "--no-deref"];
/** Of what an agent's link leads to. */
const SHOWN_CHARS = 200;

/** One task's branch. */
export class Branch {
	readonly ref: string;
	readonly #name: string;
	readonly #of: BranchOf;

	constructor(of: BranchOf) {
		this.#of = of;
		this.#name = branchNameOf(of.task);
		this.ref = `refs/heads/${this.#name}`;
	}

	/**
	 * Its commit; null: it is not there.
	 * @throws DISPATCH_BAD_CWD for one that leads elsewhere, DISPATCH_GIT
	 */
	async tip(): Promise<string | null> {
		await this.#requireOwn();
		return this.tipOfWhatever();
	}

	/** As `tip`, whatever it leads to: nothing is to be changed by it. @throws DISPATCH_GIT */
	async tipOfWhatever(): Promise<string | null> {
		const ask = ["rev-parse", "--verify", "--quiet", `${this.ref}^{commit}`];
		return yesOrNo(`read the branch ${this.#name}`, this.#of.runThere(ask));
	}

	/**
	 * Makes it, unless it is there and its log says that it is ours: we were killed over it.
	 * @throws DISPATCH_ID_EXISTS for somebody else's, DISPATCH_BAD_CWD for one that leads elsewhere, DISPATCH_GIT
	 */
	async make(holds: number): Promise<void> {
		const { nonce, spec } = this.#of;
		await this.#requireOwn();
		const none = "0".repeat(spec.base.length);
		const make = [...UPDATE, "--create-reflog", "-m", MADE_FOR + nonce, this.ref, spec.base, none];
		const made = await this.#of.runThere(make, { holds });
		if (made.code === 0 || (await this.madeFor()) === nonce) return;
		if ((await this.tipOfWhatever()) === null) throw this.#failed("make", made);
		throw new DispatchError(
			"DISPATCH_ID_EXISTS",
			`The branch ${this.#name} was made by somebody else in ${spec.repository}.`,
			{ hint: "Enqueue the work under another --id, or delete the branch if nobody needs it." },
		);
	}

	/** @param from where it is; null: nowhere. @param why for its log. @throws DISPATCH_GIT when it is elsewhere by now */
	async move(from: string | null, to: string, why: string, holds: number): Promise<void> {
		const old = from ?? "0".repeat(to.length);
		const said = from === null ? MADE_FOR + this.#of.nonce : `dispatch: ${why}`;
		const move = [...UPDATE, "--create-reflog", "-m", said, this.ref, to, old];
		const moved = await this.#of.runThere(move, { holds });
		if (moved.code !== 0) throw this.#failed("move", moved);
	}

	/**
	 * In one act with a look at who else holds its commits: of two that go by each other's, git refuses one.
	 * @param tip where it is. @param holder null: it goes whoever holds them
	 * @throws DISPATCH_GIT when one of both is elsewhere by now, and as `requireOwnFolders`
	 */
	async delete(tip: string, holder: Holder | null): Promise<void> {
		this.requireOwnFolders();
		const verify = holder === null ? "" : `verify ${holder.ref} ${holder.object}\n`;
		const input = `${verify}delete ${this.ref} ${tip}\n`;
		const gone = await this.#of.runThere([...UPDATE, "--stdin"], { input });
		if (gone.code !== 0) throw this.#failed("delete", gone);
	}

	/** The nonce of the task that made it; null: its log does not tell, or not any more. @throws DISPATCH_GIT */
	async madeFor(): Promise<string | null> {
		const log = await this.#of.runThere(["reflog", "show", "--format=%gs", this.ref, "--"]);
		const made = log.stdout.split("\n").findLast((line) => line.startsWith(MADE_FOR));
		if (log.code === 0) return made?.slice(MADE_FOR.length) ?? null;
		const isThere = this.#of.runThere(["reflog", "exists", this.ref]);
		if ((await yesOrNo(`find the log of the branch ${this.#name}`, isThere)) === null) return null;
		throw this.#failed("read the log of", log);
	}

	#failed(what: string, answer: GitAnswer): DispatchError {
		return new DispatchError("DISPATCH_GIT", `git could not ${what} the branch: ${reasonOf(answer)}.`, {
			hint: `Look at it (git reflog show ${this.#name}), then \`dispatch retry ${this.#of.task}\`.`,
		});
	}

	/** For a removal, which may take a link itself away. @throws DISPATCH_BAD_CWD where its folder, or that of its log, is a link */
	requireOwnFolders(): void {
		const folder = this.#files.map((path) => dirname(path)).find(isLink);
		if (folder !== undefined) throw this.#isLink(readlinkSync(folder), `rm ${folder}`);
	}

	/** What is written there would be written elsewhere. */
	async #requireOwn(): Promise<void> {
		this.requireOwnFolders();
		const file = this.#files.find(isLink);
		if (file !== undefined) throw this.#isLink(readlinkSync(file), `rm ${file}`);
		const ask = this.#of.runThere(["symbolic-ref", "--quiet", this.ref]);
		const leadsTo = await yesOrNo(`read the branch ${this.#name}`, ask);
		if (leadsTo !== null) throw this.#isLink(leadsTo, `git symbolic-ref --delete ${this.ref}`);
	}

	/** Itself, and its log. */
	get #files(): string[] {
		const { gitDir } = this.#of.spec;
		return [join(gitDir, this.ref), join(gitDir, "logs", this.ref)];
	}

	#isLink(to: string, remove: string): DispatchError {
		const { task } = this.#of;
		const what = oneLine(`The branch ${this.#name} is a link to ${to}`, SHOWN_CHARS);
		return new DispatchError("DISPATCH_BAD_CWD", `${what}: nothing is changed through it.`, {
			hint: `Remove the link (${remove}) and try again; work that was not committed is by \`dispatch retry ${task}\`.`,
		});
	}
}

function isLink(path: string): boolean {
	return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}
