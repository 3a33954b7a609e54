/** The process group of a child of ours. */
import type { ChildProcess } from "node:child_process";
import { codeOf } from "./atomic-file.ts";

type Child = Pick<ChildProcess, "pid" | "exitCode" | "signalCode">;

/** Ends it. Whoever left it lives on. Nothing happens where no process was made. Never throws. */
export function endGroupOf(child: Child): void {
	signalGroupOf(child, "SIGKILL");
}

/** As `endGroupOf`, by a signal that may be heard. */
export function signalGroupOf({ pid, exitCode, signalCode }: Child, signal: NodeJS.Signals): void {
	if (pid === undefined) return;
	const isReaped = exitCode !== null || signalCode !== null;
	// Its number is not given away while somebody is in its group. One who bears it by now leads another one.
	if (isReaped && isBorne(pid)) return;
	try {
		process.kill(-pid, signal);
	} catch {
		// It has ended in this moment.
	}
}

/** Asked by a signal: who ends a group may have no descriptor left to look with. */
function isBorne(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return codeOf(error) !== "ESRCH";
	}
}
