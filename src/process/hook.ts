/** Runs a short command of the user's own, and ends its whole process group when its time is over. */
import { spawn } from "node:child_process";

export interface HookRun {
	/** a shell line */
	command: string;
	env: Record<string, string>;
	/** its stdin */
	input: string;
	/** ms */
	limitMs: number;
	cwd: string;
}

/** @returns its exit code; null when it was ended by us or by a signal */
export function runHook({ command, env, input, limitMs, cwd }: HookRun): Promise<number | null> {
	return new Promise((resolve) => {
		const child = spawn("sh", ["-c", command], {
			cwd,
			env,
			detached: true,
			stdio: ["pipe", "ignore", "ignore"],
		});
		const timer = setTimeout(() => end(child.pid), limitMs);
		child.stdin.on("error", () => {});
		child.stdin.end(input);
		child.once("error", () => resolve(null));
		child.once("exit", (code) => {
			clearTimeout(timer);
			resolve(code);
		});
	});
}

function end(pid: number | undefined): void {
	try {
		if (pid !== undefined) process.kill(-pid, "SIGKILL");
	} catch {
		// It has ended in this moment.
	}
}
