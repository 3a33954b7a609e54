import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentEvent, Invocation, OutputParser } from "../../src/backends/contract.ts";
import type { Script } from "../fixtures/model-server/conversation.ts";
import { startModelServer } from "../fixtures/model-server/server.ts";

/** A project directory with a task, an empty home and a scripted model: what one CLI run needs. */
export async function makeStage(script: Script) {
	const root = mkdtempSync(join(tmpdir(), "cli-"));
	const cwd = join(root, "project");
	const home = join(root, "home");
	const taskDir = join(cwd, ".dispatch/tasks/scripted");
	for (const directory of [join(taskDir, "ipc"), home]) mkdirSync(directory, { recursive: true });
	const server = await startModelServer({ script });
	return {
		root,
		cwd,
		home,
		taskDir,
		server,
		asked: () => existsSync(join(taskDir, "ipc/001.question")),
		answer(text: string) {
			const temporary = join(taskDir, "ipc/answer.tmp");
			writeFileSync(temporary, text);
			linkSync(temporary, join(taskDir, "ipc/001.answer"));
		},
		async close() {
			await server.stop();
			rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
		},
	};
}

export type Stage = Awaited<ReturnType<typeof makeStage>>;

export interface CliRun {
	lines: string[];
	events: AgentEvent[];
	ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
	/** SIGKILL to its process group, then waits for its end */
	kill(): Promise<void>;
}

/** Starts an invocation as a process group of its own and parses its output while it comes. */
export function runCli(
	invocation: Invocation,
	parser: OutputParser,
	options: { cwd: string; env: Record<string, string> },
): CliRun {
	const [program = "", ...words] = invocation.argv;
	const child = spawn(program, words, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
	const run: Omit<CliRun, "ended" | "kill"> = { lines: [], events: [] };
	for (const stream of [child.stdout, child.stderr]) {
		let rest = "";
		stream.setEncoding("utf8").on("data", (chunk: string) => {
			const lines = (rest + chunk).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) take(line);
		});
		stream.on("end", () => rest !== "" && take(rest));
	}
	function take(line: string): void {
		run.lines.push(line);
		run.events.push(...parser.line(line));
	}
	const ended = once(child, "close").then(([code, signal]) => ({ code, signal }));
	return {
		...run,
		ended,
		async kill() {
			const alive = child.exitCode === null && child.signalCode === null;
			if (alive && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
			await ended;
		},
	};
}
