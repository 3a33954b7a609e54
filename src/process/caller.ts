/** Whether an agent of this host stands behind the process that runs now, whatever its environment says. */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { ID_FORM } from "../task/id.ts";
import { readStat } from "./identity.ts";
import { runsOfTask } from "./run-dir.ts";

const ALIVE = "alive";

/**
 * By the run's FIFO, which all that an agent starts inherits, and by the marks of the processes above. One that
 * closed the FIFO, left its parents and emptied its environment is not known: only a sandbox holds it.
 * @param home the state directory
 * @returns the task's id; null: none is known
 */
export function agentAbove(home: string): string | null {
	return ofInherited(home) ?? ofAncestors(home);
}

function ofInherited(home: string): string | null {
	const runs = tried(() => realpathSync(join(home, "runs")));
	if (runs === null) return null;
	for (const fd of tried(() => readdirSync("/proc/self/fd")) ?? []) {
		const path = tried(() => readlinkSync(`/proc/self/fd/${fd}`));
		if (!path?.startsWith(runs + sep)) continue;
		const [task = "", , name] = path.slice(runs.length + 1).split(sep);
		if (name === ALIVE && ID_FORM.test(task)) return task;
	}
	return null;
}

function ofAncestors(home: string): string | null {
	for (let pid = process.ppid; pid > 1; pid = tried(() => readStat(pid))?.parent ?? 0) {
		const environ = tried(() => readFileSync(`/proc/${pid}/environ`, "latin1")) ?? "";
		const [task, nonce] = ["DISPATCH_TASK", "DISPATCH_RUN"].map((name) => valueIn(environ, name));
		if (task && nonce && isRun(home, task, nonce)) return task;
	}
	return null;
}

function valueIn(environ: string, name: string): string | undefined {
	return environ
		.split("\0")
		.find((entry) => entry.startsWith(`${name}=`))
		?.slice(name.length + 1);
}

/** Of this state directory: an agent may well develop something with a dispatch of its own. */
function isRun(home: string, task: string, nonce: string): boolean {
	if (!ID_FORM.test(task)) return false;
	return tried(() => runsOfTask(home, task))?.some(({ facts }) => facts.nonce === nonce) ?? false;
}

/** null: it cannot be looked at */
function tried<T>(look: () => T): T | null {
	try {
		return look();
	} catch {
		return null;
	}
}
