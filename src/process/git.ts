/**
 * Runs git for dispatch itself: the same whoever calls, and whatever stands in the config of a repository that an
 * agent may have written to (`git-settings.ts`). Of what a config can name, only filters are left to start a program:
 * `src/workspace/config.ts` looks at those.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { DispatchError } from "../task/errors.ts";
import { codeOf } from "./atomic-file.ts";
import { endGroupOf, signalGroupOf } from "./end-group.ts";
import { endsWithUs } from "./ends-with-us.ts";
import { type Environment, environmentOfAgents } from "./environment.ts";
import { GIT_OPTIONS, GIT_VARIABLES } from "./git-settings.ts";
import { markOfOurs } from "./left-gits.ts";

/** A list of all files of a large repository has room. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const MAX_SAID_BYTES = 64 * 1024;
const LIMIT_MS = 10 * 60_000;
/** How often a git that takes long is looked at: does it wait for what never comes? */
const LOOK_MS = 1_000;
/** Somebody that a filter left behind may hold git's output open: once it is still for so long after git's end, all of it is there. */
const HELD_OUTPUT_MS = 1_000;
/** Or write to it for ever: what git itself said has come by then. */
const HELD_LOOKS = 5;
/** To take its locks back. */
const TERM_GRACE_MS = 3_000;
/** Where the kernel of Linux has a process wait that opens a FIFO. */
const OPENS_A_FIFO = /^(?:wait_for_partner|fifo_open)\b/;
/**
 * git reads a file to its end, and a link in the place of a ref or of its config may lead to one without an end
 * (/dev/zero). What it maps of its packs is not counted (Linux; elsewhere the limit may be none).
 */
const LIMITED = 'ulimit -d "$1" 2>/dev/null; shift; exec git "$@"';
const MOST_MEMORY_BYTES = 4 * 1024 ** 3;
/** Of the machine, or of the container. */
const SHARE_OF_MEMORY = 0.5;
/** Of a shell that finds no such program. */
const NOT_FOUND = 127;
const IDENTITY = /^GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)$/;

/** Where git works: nothing is looked for from the directory upwards, where an agent can put another `.git`. */
export interface GitPlace {
	/** of the working tree (`.git`, or its own part of it) */
	gitDir: string;
	/** what all its working trees share, where that is another one */
	commonDir?: string;
	workTree?: string;
	/** in place of the working tree's own */
	indexFile?: string;
	/** its config is all that there is: no other file is read */
	isOwn?: boolean;
}

/** In git, and in whatever it starts: filters are to close it (`own-git.ts`), who may live on for ever. */
export const HELD_AS = 3;

/** What ends it before its time. */
export interface GitLimits {
	/** of each call of it; not there: 10 minutes */
	limitMs?: number | undefined;
	/** its reason is the end of a sentence; ends the waiting for others, too */
	signal?: AbortSignal | undefined;
}

export interface GitCall extends GitLimits {
	args: readonly string[];
	/** null: git looks for the repository from `cwd` upwards */
	place: GitPlace | null;
	cwd: string;
	env: Environment;
	input?: string;
	/** what it prints goes where our own output goes */
	shown?: boolean;
	/** of what it prints; not there: UTF-8. A byte is a character in latin1 */
	encoding?: "latin1";
	/** a descriptor of a lock of ours, which it holds as long as it lives, as its `HELD_AS` */
	holds?: number | undefined;
	/** Bytes that it may take of the memory */
	memoryBytes?: number;
	/** above what any config says, by name */
	settings?: Readonly<Record<string, string>>;
}

export interface GitAnswer {
	/** null: a signal or the time limit ended it */
	code: number | null;
	stdout: string;
	/** what it said, without the last newline */
	stderr: string;
}

/**
 * It ends with this process, and what it left in its group with it, where it was ended by us.
 * @throws DISPATCH_GIT when git cannot be started; DISPATCH_GIT_ENDED when it hangs, takes too long, prints too much, or
 * is not wanted any more: not to be tried again
 */
export async function git(call: GitCall): Promise<GitAnswer> {
	const { args, cwd, shown = false, holds, signal } = call;
	requireWanted(signal);
	let child: ChildProcess;
	try {
		const limited = ["-c", LIMITED, "git", String(mostKiB(call)), ...GIT_OPTIONS, ...args];
		child = spawn("/bin/sh", limited, {
			cwd,
			env: environmentOf(call),
			stdio: [
				call.input === undefined ? "ignore" : "pipe",
				shown ? "inherit" : "pipe",
				"pipe",
				holds ?? "ignore",
			],
			detached: true,
		});
	} catch (error) {
		throw notRun(error);
	}
	return answerOf(child, call);
}

/** @throws DISPATCH_GIT_ENDED once the signal was given */
export function requireWanted(signal: AbortSignal | undefined): void {
	if (signal?.aborted) throw endedFor(String(signal.reason));
}

async function answerOf(
	child: ChildProcess,
	{ input, encoding, limitMs = LIMIT_MS, signal }: GitCall,
): Promise<GitAnswer> {
	let why: string | null = null;
	let kill: NodeJS.Timeout | undefined;
	const end = (reason: string) => {
		why ??= reason;
		signalGroupOf(child, "SIGTERM");
		kill ??= setTimeout(() => endGroupOf(child), TERM_GRACE_MS);
	};
	let isLate = false;
	const limit = setTimeout(() => {
		isLate = why === null;
		end(`it took longer than ${limitMs / 1000} s`);
	}, limitMs);
	const look = setInterval(async () => {
		const isStuck = await opensFifo(child);
		if (isStuck && child.exitCode === null && child.signalCode === null) end(WAITS_ON_A_FIFO);
	}, LOOK_MS);
	const unwanted = () => end(String(signal?.reason));
	signal?.addEventListener("abort", unwanted);
	const letBe = () => {
		for (const timer of [limit, look, kill]) clearTimeout(timer);
		signal?.removeEventListener("abort", unwanted);
	};
	child.once("exit", () => {
		letBe();
		// Its filters have no say any more, and hold up nobody.
		if (why !== null) endGroupOf(child);
	});
	const hasEnded = endsWithUs(child, end);
	const stdout = collect(child.stdout, MAX_OUTPUT_BYTES, () => end("it printed too much"), encoding);
	const stderr = collect(child.stderr, MAX_SAID_BYTES, () => {});
	child.stdin?.on("error", () => {}).end(input);
	try {
		const code = await endOf(child);
		if (why !== null) throw endedFor(why, isLate);
		if (code === NOT_FOUND && /\bgit: not found/.test(stderr())) throw notFound();
		return { code, stdout: stdout(), stderr: stderr().trimEnd() };
	} catch (error) {
		throw notRun(error);
	} finally {
		letBe();
		await hasEnded();
	}
}

const WAITS_ON_A_FIFO = "it would wait for ever on a FIFO in the place of a file";

/** Known on Linux; elsewhere the time limit ends it. */
async function opensFifo({ pid }: ChildProcess): Promise<boolean> {
	return OPENS_A_FIFO.test(await readFile(`/proc/${pid}/wchan`, "latin1").catch(() => ""));
}

function endedFor(why: string, isLate = false): DispatchError {
	const where = "in the working tree and in the repository's .git (find FOLDER -type p)";
	const hint = why === WAITS_ON_A_FIFO ? { hint: `Look for it ${where}, and remove it.` } : {};
	const cause = isLate ? { cause: Object.assign(new Error(why), { code: TIME_IS_UP }) } : {};
	return new DispatchError("DISPATCH_GIT_ENDED", `git was ended: ${why}.`, { ...hint, ...cause });
}

const TIME_IS_UP = "ETIMEDOUT";

/** Whether git was ended by its limit alone: it may have been slow, on a busy machine or disk. */
export function isTimeUp(error: unknown): boolean {
	return error instanceof DispatchError && codeOf(error.cause) === TIME_IS_UP;
}

/** @returns its exit code, when all that it said has come. @throws that it could not be started */
async function endOf(child: ChildProcess): Promise<number | null> {
	const closed = once(child, "close");
	const [code] = await Promise.race([once(child, "exit"), closed]);
	const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
	const isOver = new AbortController();
	await Promise.race([closed, untilStill(streams, isOver.signal)]);
	isOver.abort();
	for (const stream of streams) stream.destroy();
	return code;
}

async function untilStill(streams: readonly Readable[], signal: AbortSignal): Promise<void> {
	let hasMoved = true;
	const moves = () => {
		hasMoved = true;
	};
	for (const stream of streams) stream.on("data", moves);
	for (let looks = 0; hasMoved && looks < HELD_LOOKS && !signal.aborted; looks++) {
		hasMoved = false;
		await sleep(HELD_OUTPUT_MS, undefined, { signal }).catch(() => {});
		// On a busy machine what has come may not have been read yet.
		await new Promise((read) => setImmediate(read));
	}
}

/** @returns what came, as text */
function collect(
	stream: Readable | null,
	mostBytes: number,
	full: () => void,
	encoding: BufferEncoding = "utf8",
): () => string {
	const chunks: Buffer[] = [];
	let bytes = 0;
	stream?.on("error", () => {});
	stream?.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
		if (bytes > mostBytes) full();
		else chunks.push(chunk);
	});
	return () => Buffer.concat(chunks).toString(encoding);
}

/** In the limit's unit, KiB. */
function mostKiB({ memoryBytes }: GitCall): number {
	// 0: no limit. A container's may be larger than the machine.
	const least = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
	return Math.floor((memoryBytes ?? Math.min(MOST_MEMORY_BYTES, least * SHARE_OF_MEMORY)) / 1024);
}

function notFound(): Error {
	return Object.assign(new Error("there is no git on PATH"), { code: "ENOENT" });
}

function notRun(error: unknown): DispatchError {
	if (error instanceof DispatchError) return error;
	const hint =
		codeOf(error) === "ENOENT"
			? "Install git, or leave --worktree out."
			: "Try again when the machine has room.";
	return new DispatchError("DISPATCH_GIT", `git could not be started: ${(error as Error).message}.`, {
		hint,
		cause: error,
	});
}

/**
 * Nothing of one call of git's, such as a hook's index, is another one's. It has what agents have, since the filters
 * that it runs (git-lfs, git-crypt, sops) are the user's own and may need keys.
 */
function environmentOf({ env, place, settings = {} }: GitCall): Record<string, string> {
	const own = Object.entries(environmentOfAgents(env)).filter(
		([name]) => !name.startsWith("GIT_") || IDENTITY.test(name),
	);
	const given = Object.entries(settings);
	const named: Record<string, string | undefined> = {
		GIT_DIR: place?.gitDir,
		GIT_COMMON_DIR: place?.commonDir,
		GIT_WORK_TREE: place?.workTree,
		GIT_INDEX_FILE: place?.indexFile,
		...(place?.isOwn ? { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" } : {}),
		GIT_CONFIG_COUNT: given.length === 0 ? undefined : String(given.length),
	};
	return {
		...Object.fromEntries(own),
		...GIT_VARIABLES,
		...markOfOurs(),
		...(Object.fromEntries(Object.entries(named).filter(([, path]) => path !== undefined)) as Record<
			string,
			string
		>),
		...Object.fromEntries(
			given.flatMap(([name, value], n) => [
				[`GIT_CONFIG_KEY_${n}`, name],
				[`GIT_CONFIG_VALUE_${n}`, value],
			]),
		),
	};
}
