/**
 * Where a batch with a worker of its own runs: a state directory below the user's, `batches/<name>`, with a Redis and a
 * daemon that live as long as the command. Who lives holds `owner.lock` in its directory; a directory without a holder
 * was left by a command that was killed, and is taken down by the next one.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openHome } from "../config/home.ts";
import { stopLeftAgents } from "../host/left-agents.ts";
import { stopDaemon } from "../host/stop.ts";
import { removeStamped } from "../ipc/task-dir.ts";
import { diskError } from "../process/atomic-file.ts";
import { type Lock, takeLock } from "../process/lock.ts";
import { meansAbsent } from "../process/read-file.ts";
import { stopLocalServer } from "../queue/redis/local-server.ts";
import { LOCAL_ADDRESS } from "../task/address.ts";
import { DispatchError } from "../task/errors.ts";
import { Context } from "./context.ts";
import { troubleOf } from "./trouble.ts";

const FOLDER = "batches";
const OWNER = "owner.lock";
const NAME_FORM = /^[0-9a-f]{8}$/;
const LOCK_LOOK_MS = 50;
const LOCK_LIMIT_MS = 30_000;
/** What the user's state directory has that a batch uses, too. */
const SHARED = ["templates", "redis-server"];

export class BatchStage {
	readonly context: Context;
	readonly #user: Context;
	readonly #path: string;
	readonly #lock: Lock;

	private constructor(user: Context, context: Context, { path, lock }: Place) {
		this.#user = user;
		this.context = context;
		this.#path = path;
		this.#lock = lock;
	}

	/**
	 * Takes down what killed commands left, and makes a directory of its own. Nothing is started yet.
	 * @throws DISPATCH_DISK
	 */
	static async open(user: Context): Promise<BatchStage> {
		const folder = join(user.home.base, FOLDER);
		const { own, left } = await placeIn(folder);
		try {
			for (const each of left) await takeDown(each).catch((error: unknown) => tellLeft(user, each, error));
			for (const name of SHARED) linkShared(join(user.home.base, name), join(own.path, name));
			const settings = {
				DISPATCH_HOME: own.path,
				DISPATCH_CONFIG: user.home.configPath,
				DISPATCH_NAMESPACE: `${namePrefix(user)}${own.name}`,
				DISPATCH_REDIS_URL: LOCAL_ADDRESS,
			};
			// The daemon is started with this process's environment.
			Object.assign(process.env, settings);
			const env = { ...user.env, ...settings };
			return new BatchStage(user, await Context.open({ env, output: user.output, redis: undefined }), own);
		} catch (error) {
			await takeDown(own);
			throw error;
		}
	}

	/** Removes what an earlier batch of this user's, which is over, left in the place of a task's files. */
	async makeRoom(cwd: string, id: string): Promise<void> {
		const prefix = namePrefix(this.#user);
		const folder = join(this.#user.home.base, FOLDER);
		await removeStamped(cwd, id, (stamp) => {
			const namespace = String(stamp.get("namespace"));
			const name = namespace.slice(prefix.length);
			return namespace.startsWith(prefix) && NAME_FORM.test(name) && !existsSync(join(folder, name));
		});
	}

	/** Ends agents, worker and Redis, and leaves no file. @throws DISPATCH_DISK, DISPATCH_REDIS_UNREACHABLE */
	async close(): Promise<void> {
		await this.context.close();
		await takeDown({ path: this.#path, lock: this.#lock });
	}
}

interface Place {
	path: string;
	lock: Lock;
}

/** Tells this user's apart from those of another state directory, which may live. */
function namePrefix({ home }: Context): string {
	return `batch-${home.homeId.slice(0, 8)}-`;
}

/** One command at a time: a directory is never seen without its holder. */
async function placeIn(folder: string): Promise<{ own: Place & { name: string }; left: Place[] }> {
	const guard = await waitForLock(join(folder, "lock"));
	const left: Place[] = [];
	try {
		for (const name of namesIn(folder)) {
			const path = join(folder, name);
			const lock = await takeLock(join(path, OWNER));
			if (lock !== null) left.push({ path, lock });
		}
		const name = randomBytes(4).toString("hex");
		const path = join(folder, name);
		try {
			mkdirSync(path, { mode: 0o700 });
		} catch (error) {
			throw diskError(path, error);
		}
		const lock = await takeLock(join(path, OWNER));
		if (lock === null) throw diskError(path, new Error("another process holds its lock"));
		return { own: { name, path, lock }, left };
	} catch (error) {
		for (const { lock } of left) lock.release();
		throw error;
	} finally {
		guard.release();
	}
}

/** Who has it makes a directory, and is done. */
async function waitForLock(path: string): Promise<Lock> {
	const until = performance.now() + LOCK_LIMIT_MS;
	while (performance.now() < until) {
		const lock = await takeLock(path);
		if (lock !== null) return lock;
		await sleep(LOCK_LOOK_MS);
	}
	throw new DispatchError("DISPATCH_ALREADY_RUNNING", `Another batch holds ${path} and does not go on.`, {
		hint: "If it is stopped (SIGSTOP), `kill -CONT` lets it go on; `fuser` of that file names it.",
	});
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder).filter((name) => NAME_FORM.test(name));
	} catch (error) {
		if (meansAbsent(error)) return [];
		throw diskError(folder, error);
	}
}

function linkShared(from: string, to: string): void {
	if (existsSync(from)) symlinkSync(from, to);
}

/** Agents first, whose end the worker notes, then the worker, then Redis; idempotent. */
async function takeDown({ path, lock }: Place): Promise<void> {
	try {
		if (existsSync(join(path, "home-id"))) {
			const home = openHome({ DISPATCH_HOME: path });
			await stopDaemon(home, { drain: false, stopAgents: true });
			await stopLeftAgents(home.path);
			await stopLocalServer({ path });
		}
		rmSync(path, { recursive: true, force: true, maxRetries: 5 });
	} finally {
		lock.release();
	}
}

/** What cannot be taken down now is in the way of nothing. */
function tellLeft({ output }: Context, { path }: Place, error: unknown): void {
	const trouble: DispatchError | null = troubleOf(error);
	if (trouble === null) throw error;
	output.note(`A batch that was killed left ${path}, which cannot be cleared: ${trouble.message}`);
}
