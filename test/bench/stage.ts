/** A state directory of the bench's own, with its daemon and its store. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";

export const PROGRAM = resolve("dist/dispatch.cjs");
const HOST = "bench";

export class BenchStage {
	readonly path = mkdtempSync(join(tmpdir(), "bench-"));
	readonly home = join(this.path, "h");
	readonly project = join(this.path, "p");
	readonly host = HOST;
	readonly env: Record<string, string>;

	/** only while something is timed, of program and baseline alike */
	readonly forTimed: Record<string, string>;

	/** @param env of every command */
	constructor(env: Record<string, string> = {}, forTimed: Record<string, string> = {}) {
		this.forTimed = forTimed;
		mkdirSync(this.home);
		mkdirSync(this.project);
		const idle = join(this.path, "idle.sh");
		writeFileSync(idle, "#!/bin/sh\nexec sleep 100000\n", { mode: 0o755 });
		writeFileSync(
			join(this.home, "config.yaml"),
			`default: idle\nbackends: { idle: { type: command, command: "${idle}" } }\nmodels: { idle: { backend: idle } }\nworker: { concurrency: 2, max_agents: 1000 }\n`,
		);
		this.env = {
			PATH: process.env.PATH ?? "",
			HOME: this.path,
			DISPATCH_HOME: this.home,
			DISPATCH_HOST_ID: HOST,
			...env,
		};
	}

	run(...args: string[]): string {
		const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, ...args], {
			cwd: this.project,
			env: this.env,
			encoding: "utf8",
		});
		if (status !== 0) throw new Error(`dispatch ${args.join(" ")}: ${stderr}`);
		return stdout;
	}

	/** The local server must run. */
	store(): Promise<Store> {
		return openStore({
			target: { socketPath: join(this.home, "redis/redis.sock") },
			namespace: "default",
			role: "service",
		});
	}

	daemonPid(): number {
		return (JSON.parse(readFileSync(join(this.home, "daemon.json"), "utf8")) as { identity: { pid: number } })
			.identity.pid;
	}

	redisPid(): number {
		return Number(readFileSync(join(this.home, "redis/redis.pid"), "utf8"));
	}

	remove(): void {
		spawnSync(process.execPath, [PROGRAM, "down", "--stop-agents"], { env: this.env, cwd: this.project });
		rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
	}
}

/**
 * Wall time in ms of a Node program from start to end, in the stage's environment and nothing of the
 * caller's: a variable such as NODE_EXTRA_CA_CERTS would weigh on the baseline alone.
 */
export function timed(stage: BenchStage, args: string[], more: Record<string, string> = {}): number {
	return timedProgram(stage, process.execPath, args, more);
}

/** The same of any program. */
export function timedProgram(
	stage: BenchStage,
	file: string,
	args: string[],
	more: Record<string, string> = {},
): number {
	const begun = performance.now();
	execFileSync(file, args, {
		stdio: "ignore",
		env: { ...stage.env, ...stage.forTimed, ...more },
		cwd: stage.project,
	});
	return performance.now() - begun;
}

/** @returns ms until `check` held, which is asked every so many ms */
export async function until(check: () => boolean | Promise<boolean>, everyMs = 1): Promise<number> {
	const begun = performance.now();
	while (!(await check())) await sleep(everyMs);
	return performance.now() - begun;
}

/** CPU seconds that a process has used. */
export function cpuSeconds(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
		.replace(/^.*\) /, "")
		.split(" ");
	return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / 100;
}

/** Proportional set size in MiB: shared pages count once. */
export function pssMiB(pid: number): number {
	return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
}

export function startLoop(script: string, args: string[]): number {
	const child = spawn("bash", ["-c", script, "loop", ...args], { stdio: "ignore" });
	return child.pid ?? 0;
}
