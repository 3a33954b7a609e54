/** The stage of a chaos run: a state directory, a config with the chaos agent, and the command line. */
import { execFile, spawn } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { TEST_LIMIT_MS } from "../patience.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DISPATCH = join(ROOT, "dist/dispatch.cjs");
const AGENT = join(ROOT, "test/fixtures/agents/chaos-agent.mjs");
const COMMAND_LIMIT_MS = TEST_LIMIT_MS;

export interface Act {
	kind: string;
	task: string;
	pid: number;
	run: string;
	at: number;
	seq?: string;
	text?: string;
	answer?: string;
	item?: number;
	/** by the backend that refuses at times */
	limited?: boolean;
}

/** Starts in a minute of the backend `few`, from which no task goes on elsewhere. */
export const FEW_STARTS = 3;

export interface Promises {
	/** tasks whose cancel was acknowledged last */
	cancelled: Set<string>;
	/** task → acknowledged retries */
	retries: Map<string, number>;
	/** those of them that began anew: what was noted before may be gone */
	fresh: Set<string>;
	/** enqueued with a check that writes their id into the project's `verified` */
	verified: Set<string>;
	/** of the backend `few` */
	few: Set<string>;
	/** of the backend `limited`, until its service refuses */
	limited: Set<string>;
	notes: { task: string; text: string; at: number }[];
}

export interface Ran {
	code: number | null;
	stdout: string;
	stderr: string;
}

export class Stage {
	readonly path = mkdtempSync(join(tmpdir(), "chaos-"));
	readonly home = join(this.path, "home");
	readonly project = join(this.path, "project");
	readonly acts = join(this.path, "acts.jsonl");
	readonly limited = join(this.path, "limited");
	/** what the commands of this run acknowledged, for the audit */
	readonly promised: Promises = {
		cancelled: new Set(),
		retries: new Map(),
		fresh: new Set(),
		verified: new Set(),
		few: new Set(),
		limited: new Set(),
		notes: [],
	};
	readonly env: Record<string, string>;

	constructor(concurrency: number) {
		mkdirSync(this.home, { recursive: true });
		mkdirSync(this.project, { recursive: true });
		writeFileSync(this.acts, "");
		this.configure(concurrency);
		this.env = {
			PATH: process.env.PATH ?? "",
			HOME: this.path,
			DISPATCH_HOME: this.home,
			DISPATCH_MAX_BACKOFF_MS: "200",
			CHAOS_ACTS: this.acts,
			CHAOS_LIMITED: this.limited,
			CHAOS_REFUSAL: join(ROOT, "test/fixtures/recorded/claude-rate-limited.jsonl"),
			CHAOS_ID: String(process.pid),
		};
	}

	/** Written anew at once, as an editor does. */
	configure(concurrency: number): void {
		const command = `"${process.execPath}" "${AGENT}"`;
		const lines = [
			"default: chaos",
			"backends:",
			`  chaos: { type: command, command: '${command}' }`,
			`  limited: { type: claude, prompt_by: argument, command: '${command} --limited' }`,
			`  next: { type: command, command: '${command} --most next=1', concurrency: 1 }`,
			`  few: { type: command, command: '${command} --most few=2', concurrency: 2, starts_per_minute: ${FEW_STARTS} }`,
			`models: { ${["chaos", "limited", "next", "few"].map((name) => `${name}: { backend: ${name} }`).join(", ")} }`,
			"fallback: [limited, next, chaos]",
			"fallback_after: 1s",
			`worker: { concurrency: ${concurrency}, max_agents: ${concurrency * 4} }`,
		];
		const file = join(this.home, "config.yaml");
		writeFileSync(`${file}.tmp`, `${lines.join("\n")}\n`);
		renameSync(`${file}.tmp`, file);
	}

	/** The service of the model `limited` refuses for so long. */
	limitFor(ms: number): void {
		writeFileSync(this.limited, String(Date.now() + ms));
	}

	/** Starts the command line; `kill` ends it wherever it is. */
	start(args: string[], env: Record<string, string> = {}): { done: Promise<Ran>; kill: () => void } {
		let kill = () => {};
		const done = new Promise<Ran>((settled) => {
			const options = { cwd: this.project, env: { ...this.env, ...env }, timeout: COMMAND_LIMIT_MS };
			const child = execFile(process.execPath, [DISPATCH, ...args], options, (error, stdout, stderr) => {
				settled({
					code: error === null ? 0 : typeof error.code === "number" ? error.code : null,
					stdout,
					stderr,
				});
			});
			kill = () => void child.kill("SIGKILL");
		});
		return { done, kill };
	}

	run(args: string[], env: Record<string, string> = {}): Promise<Ran> {
		return this.start(args, env).done;
	}

	/** A daemon that fails at a named point: `POINT` or `POINT:MODE`. */
	startDaemon(fault: string): void {
		const env = { ...this.env, DISPATCH_FAULT: fault };
		spawn(process.execPath, [DISPATCH, "worker", "--background"], {
			cwd: this.project,
			env,
			detached: true,
			stdio: "ignore",
		}).unref();
	}

	daemonPid(): number | null {
		return pidIn(
			join(this.home, "daemon.json"),
			(text) => (JSON.parse(text) as { identity: { pid: number } }).identity.pid,
		);
	}

	redisPid(): number | null {
		const found = this.processes().find(({ command }) => command.startsWith("redis-server"));
		return found?.pid ?? null;
	}

	/** Every process that belongs to this stage, by its environment or its working directory. */
	processes(): { pid: number; command: string; run: string | null }[] {
		const found: { pid: number; command: string; run: string | null }[] = [];
		for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
			try {
				const environ = readFileSync(`/proc/${name}/environ`, "latin1");
				const command = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0").join(" ").trim();
				// redis-server writes its title over its environment.
				if (!environ.split("\0").includes(`DISPATCH_HOME=${this.home}`) && !command.includes(this.home))
					continue;
				if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${name}/status`, "latin1"))) continue;
				found.push({
					pid: Number(name),
					command,
					run: /(?:^|\0)DISPATCH_RUN=([^\0]*)/.exec(environ)?.[1] ?? null,
				});
			} catch {
				// It ended while we looked.
			}
		}
		return found;
	}

	writeProject(name: string, text: string): void {
		writeFileSync(join(this.project, name), text);
	}

	/** @returns an empty text when there is no such file */
	readProject(name: string): string {
		const path = join(this.project, name);
		return existsSync(path) ? readFileSync(path, "utf8") : "";
	}

	readActs(): Act[] {
		const lines = readFileSync(this.acts, "utf8").split("\n").filter(Boolean);
		return lines.map((line) => JSON.parse(line) as Act);
	}

	redis(): Redis {
		return new Redis({
			path: this.socketPath(),
			lazyConnect: true,
			maxRetriesPerRequest: 1,
			retryStrategy: () => null,
		});
	}

	socketPath(): string {
		return join(this.home, "redis", "redis.sock");
	}

	/** Files that nobody will ever finish. */
	leftovers(): string[] {
		const tasks = join(this.project, ".dispatch", "tasks");
		if (!existsSync(tasks)) return [];
		const names = readdirSync(tasks, { recursive: true, encoding: "utf8" });
		// The agent's own half-written files are its affair: `<name>.tmp`; ours begin with a dot.
		return names.filter((name) => /(^|\/)\.[^/]*\.tmp$/.test(name));
	}

	killAll(): void {
		for (const { pid } of this.processes()) {
			try {
				process.kill(pid, "SIGKILL");
			} catch {
				// Gone already.
			}
		}
	}

	remove(): void {
		this.killAll();
		rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
	}
}

function pidIn(file: string, read: (text: string) => number): number | null {
	try {
		return read(readFileSync(file, "utf8"));
	} catch {
		return null;
	}
}
