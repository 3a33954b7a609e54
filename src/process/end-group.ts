/** Ends the process group of a child of ours. */
import type { ChildProcess } from "node:child_process";
import { processIdentity } from "./identity.ts";

/** Whoever left it lives on. Nothing happens where no process was made. */
export function endGroupOf({
	pid,
	exitCode,
	signalCode,
}: Pick<ChildProcess, "pid" | "exitCode" | "signalCode">): void {
	if (pid === undefined) return;
	const isReaped = exitCode !== null || signalCode !== null;
	// Its number is not given away while somebody is in its group. One who bears it by now leads another one.
	if (isReaped && processIdentity(pid) !== null) return;
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// It has ended in this moment.
	}
}
