import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { DispatchError } from "../task/errors.ts";

/**
 * A directory itself, not a link to one: an agent could aim a link at what lies outside its task. One that
 * cannot be looked at (the agent took the permission away) is none that can be used. Throws nothing.
 */
export function isRealDirectory(path: string): boolean {
	try {
		return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
	} catch {
		return false;
	}
}

/** Whether `.dispatch`, `tasks` and the task directory `dir` are still directories and no links. */
export function isIntact(dir: string): boolean {
	return lineage(dir).every(isRealDirectory);
}

/** @throws DispatchError DISPATCH_BAD_CWD */
export function requireIntact(dir: string): void {
	for (const path of lineage(dir)) if (!isRealDirectory(path)) throw notADirectory(path);
}

function lineage(dir: string): string[] {
	const tasks = dirname(dir);
	return [dirname(tasks), tasks, dir];
}

export function notADirectory(path: string): DispatchError {
	return new DispatchError(
		"DISPATCH_BAD_CWD",
		`Expected ${path} to be a directory, found something else there.`,
		{
			hint: `Move ${path} out of the way, then try again.`,
		},
	);
}
