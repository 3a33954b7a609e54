/**
 * One user with a state directory, a project and a fake agent of their own. Every process that this user
 * starts carries its DISPATCH_HOME, so that `cleanup` finds all of them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	lchownSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { type FoundProcess, killIfThere, processesOf } from "../processes.ts";
import { stateInRedis } from "./state-look.ts";

const ROOT = resolve(import.meta.dirname, "../..");
export const PROGRAM = join(ROOT, "dist/dispatch.cjs");
const AGENTS = join(ROOT, "test/fixtures/agents");
const NOBODY = 65_534;
/** Several commands, a worker and an agent. */
const STATE_LIMIT_MS = 2 * CONDITION_LIMIT_MS;
const LOOK_MS = 100;
const ENDS = ["completed", "failed", "cancelled"];
/** Where a look needs a command, which costs as much as an agent's start, a long wait looks less often. */
const LAST_LOOK_MS = 500;
const LOG_TAIL_LINES = 30;

export interface Ran {
	code: number | null;
	stdout: string;
	stderr: string;
}

export interface RunOptions {
	input?: string;
	env?: Record<string, string>;
	cwd?: string;
}

/** The parts of a task in JSON that tests look at. */
export interface Task {
	id: string;
	state: string;
	reason: string | null;
	attempt: number;
	epoch: number;
	sessionId: string | null;
	reportPath: string | null;
	hold: { kind: string } | null;
	trouble: { step: string; why: string } | null;
	plan: { done: number; total: number; items: { marker: string; text: string }[] };
	questions: {
		seq: string;
		text: string;
		answer: string | null;
		answeredAt: string | null;
		deliveredAt: string | null;
	}[];
	outcome: {
		kind: string;
		message: string;
		exitCode: number | null;
		logTail: string[];
		warnings: string[];
	} | null;
}

export interface UserOptions {
	/** the file name of a program of test/fixtures/agents: the default model `fake` */
	agent?: string;
	/** more of them, by the name of the model */
	agents?: Record<string, string>;
	/** lines for the end of the config file */
	config?: string;
	env?: Record<string, string>;
	/** run everything as `nobody`, where this process may (it is root) */
	asNobody?: boolean;
	/** a Redis address; without it, a local server of this user's own */
	redis?: string;
}

/** Of the program as it is built. Meanwhile others start it, and write and rename what it compiles. */
export function copyDist(to: string): void {
	cpSync(join(ROOT, "dist"), to, { recursive: true, filter: (path) => !path.endsWith(".tmp") });
}

export class User {
	readonly path = mkdtempSync(join(tmpdir(), "du-"));
	readonly home = join(this.path, "h");
	readonly project = join(this.path, "p");
	readonly env: Record<string, string>;

	readonly #uid: number | null;
	#program = PROGRAM;
	#agents = AGENTS;

	constructor(options: UserOptions = {}) {
		this.#uid = options.asNobody === true && process.getuid?.() === 0 ? NOBODY : null;
		mkdirSync(this.home, { mode: 0o700 });
		mkdirSync(this.project);
		if (this.#uid !== null) this.#copyProgram();
		writeFileSync(join(this.home, "config.yaml"), configOf(options, this.#agents));
		this.env = {
			PATH: process.env.PATH ?? "/usr/bin:/bin",
			HOME: this.path,
			// The test file's own, see test/leaks.ts.
			NODE_REDIRECT_WARNINGS: process.env.NODE_REDIRECT_WARNINGS ?? "",
			DISPATCH_HOME: this.home,
			DISPATCH_MAX_BACKOFF_MS: "200",
			...(options.redis === undefined ? {} : { DISPATCH_REDIS_URL: options.redis }),
			...options.env,
		};
		this.#own(this.path);
	}

	/** The checkout may lie where nobody else can go. */
	#copyProgram(): void {
		copyDist(join(this.path, "dist"));
		cpSync(AGENTS, join(this.path, "agents"), { recursive: true });
		this.#program = join(this.path, "dist/dispatch.cjs");
		this.#agents = join(this.path, "agents");
	}

	/** Everything of this user's folder belongs to them, the program's copy as well. */
	#own(path: string): void {
		if (this.#uid === null) return;
		lchownSync(path, this.#uid, this.#uid);
		if (!lstatSync(path).isDirectory()) return;
		for (const name of readdirSync(path)) this.#own(join(path, name));
	}

	/** Starts the command line and leaves it running. */
	start(args: string[], options: RunOptions = {}): ChildProcess {
		const env = { ...this.env, ...options.env };
		const own = this.#uid === null ? {} : { uid: this.#uid, gid: this.#uid };
		const cwd = options.cwd ?? this.project;
		const child = spawn(process.execPath, [this.#program, ...args], { cwd, env, ...own });
		child.stdin.on("error", () => {});
		child.stdin.end(options.input ?? "");
		return child;
	}

	/** Runs it until its output is closed: what it leaves behind must not hold it. */
	async run(args: string[], options: RunOptions = {}): Promise<Ran> {
		const child = this.start(args, options);
		const code = new Promise<number | null>((done) => child.once("close", done));
		const [stdout, stderr] = await Promise.all(
			[child.stdout, child.stderr].map((stream) => (stream === null ? "" : text(stream))),
		);
		return { code: await code, stdout: stdout ?? "", stderr: stderr ?? "" };
	}

	/** Runs it and expects `code`. @returns stdout */
	async ok(args: string[], options: RunOptions & { code?: number } = {}): Promise<string> {
		const ran = await this.run(args, options);
		if (ran.code === (options.code ?? 0)) return ran.stdout;
		throw new Error(
			`dispatch ${args.join(" ")} ended with ${ran.code}:\n${ran.stdout}${ran.stderr}\n${this.logTail()}`,
		);
	}

	async json<T = Task>(args: string[], options: RunOptions & { code?: number } = {}): Promise<T> {
		return JSON.parse(await this.ok([...args, "--json"], options)) as T;
	}

	/** Waits until the task is in one of the states; fails at once when it has ended otherwise. */
	async waitForState(id: string, ...states: string[]): Promise<void> {
		const there = await this.#looked(id, states, performance.now() + STATE_LIMIT_MS);
		if (there === null || !states.includes(there)) await this.taskInState(id, ...states);
	}

	/** As `waitForState`. @returns the task as `status` tells it then */
	async taskInState(id: string, ...states: string[]): Promise<Task> {
		const until = performance.now() + STATE_LIMIT_MS;
		for (let pause = LOOK_MS; ; pause = Math.min(LAST_LOOK_MS, pause * 1.3)) {
			await this.#looked(id, states, until);
			const task = await this.json(["status", id]);
			if (states.includes(task.state)) return task;
			if (ENDS.includes(task.state) || performance.now() > until) {
				throw new Error(
					`${id} is ${task.state}, not ${states.join(" or ")}: ${JSON.stringify(task, null, 1)}\n${this.logTail()}`,
				);
			}
			await sleep(pause);
		}
	}

	/** @returns the state in which it was left to itself; null where only a command can tell */
	async #looked(id: string, states: readonly string[], until: number): Promise<string | null> {
		for (;;) {
			const there = await this.#stateInRedis(id);
			if (there === null || states.includes(there) || ENDS.includes(there)) return there;
			if (performance.now() > until) return there;
			await sleep(LOOK_MS);
		}
	}

	#stateInRedis(id: string): Promise<string | null> {
		const { DISPATCH_REDIS_URL: redis, DISPATCH_NAMESPACE: namespace = "default" } = this.env;
		return stateInRedis({ home: this.home, redis, namespace }, id);
	}

	taskFile(id: string, name: string): string {
		return join(this.project, ".dispatch", "tasks", id, name);
	}

	/** Writes a file of the project. @returns its path */
	write(name: string, content: string, mode?: number): string {
		const path = join(this.project, name);
		writeFileSync(path, content);
		if (mode !== undefined) chmodSync(path, mode);
		this.#own(path);
		return path;
	}

	/** Every live process of this user. */
	processes(): FoundProcess[] {
		return processesOf(this.path);
	}

	daemonPid(): number | null {
		try {
			const state = JSON.parse(readFileSync(join(this.home, "daemon.json"), "utf8")) as {
				identity: { pid: number };
			};
			return state.identity.pid;
		} catch {
			return null;
		}
	}

	logTail(): string {
		const log = join(this.home, "daemon.log");
		if (!existsSync(log)) return "(no daemon.log)";
		return `daemon.log:\n${readFileSync(log, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n")}`;
	}

	/** Kills what is left of this user and removes the directory. */
	async cleanup(): Promise<void> {
		const until = performance.now() + CONDITION_LIMIT_MS;
		for (;;) {
			const left = this.processes();
			if (left.length === 0 || performance.now() > until) break;
			for (const { pid } of left) killIfThere(pid);
			await sleep(LOOK_MS / 4);
		}
		rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
	}
}

/** Ends a command line somewhere on its way: the moment is the test's subject, no wait for luck. */
export async function cutOff(command: ChildProcess, afterMs: number): Promise<void> {
	await sleep(afterMs);
	command.kill("SIGKILL");
}

function configOf({ agent = "ten-line.sh", agents = {}, config = "" }: UserOptions, folder: string): string {
	const all = Object.entries({ fake: agent, ...agents });
	const backends = all.map(
		([name, file]) => `  ${name}: { type: command, command: "${join(folder, file)}" }`,
	);
	const models = all.map(([name]) => `  ${name}: { backend: ${name} }`);
	return `default: fake\nbackends:\n${backends.join("\n")}\nmodels:\n${models.join("\n")}\n${config}`;
}
