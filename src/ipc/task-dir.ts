/**
 * `.dispatch/tasks/<id>/` under the agent's working directory. The owner stamp says whose it is: it is
 * in the directory before the directory has its name, so a directory without ours is never ours.
 */
import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
	clearLeftovers,
	codeOf,
	diskError,
	isThere,
	publishNew,
	replaceFile,
	temporaryName,
} from "../process/atomic-file.ts";
import { readRegularFile } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";
import { checkId } from "../task/id.ts";
import { renderPlan } from "../task/plan.ts";
import type { TaskRecord } from "../task/record.ts";
import { planPath } from "./plan-file.ts";
import { isRealDirectory, notADirectory, requireIntact } from "./real-directory.ts";

/** Whose task directory it is; `nonce` names one creation of the task. */
export interface Owner {
	namespace: string;
	host: string;
	nonce: string;
}

export interface TaskDirSpec extends Owner {
	id: string;
	/** the whole plan.md to start with; null: made of title and items */
	planText: string | null;
	title: string;
	givenItems: readonly string[];
}

export function taskDirSpec(
	{ spec, host }: Pick<TaskRecord, "spec" | "host">,
	namespace: string,
): TaskDirSpec {
	const { id, nonce, planText, givenItems } = spec;
	return { id, nonce, namespace, host, planText, title: id, givenItems };
}

const STAMP = ".owner.json";
const STAMP_LIMIT_BYTES = 4096;
/** Questions, answers and reports are nobody else's, whatever the umask. */
const OWNER_ONLY = 0o700;

/** @throws DispatchError DISPATCH_USAGE for an id that could lead elsewhere */
export function taskDirOf(cwd: string, id: string): string {
	checkId(id);
	return join(resolve(cwd), ".dispatch", "tasks", id);
}

/**
 * Makes the directory with plan.md and `ipc/`, or what is missing of it: the same owner may repeat it.
 * @returns its absolute path
 * @throws DispatchError DISPATCH_BAD_CWD, DISPATCH_ID_EXISTS (another's), DISPATCH_DISK
 */
export async function createTaskDir(cwd: string, spec: TaskDirSpec): Promise<string> {
	const dir = taskDirOf(cwd, spec.id);
	const dispatch = join(resolve(cwd), ".dispatch");
	requireDirectory(cwd);
	makeDirectory(dispatch);
	publishNew(join(dispatch, ".gitignore"), "*\n");
	makeDirectory(join(dispatch, "tasks"));
	claim(dir, spec);
	clearTemporaries(dir);
	makeDirectory(join(dir, "ipc"));
	publishNew(planPath(dir), spec.planText ?? renderPlan(spec.title, [...spec.givenItems]));
	return dir;
}

function requireDirectory(cwd: string): void {
	let why = "it does not exist";
	try {
		if (statSync(cwd).isDirectory()) return;
		why = "it is not a directory";
	} catch (error) {
		if (codeOf(error) !== "ENOENT") why = codeOf(error) ?? String(error);
	}
	throw new DispatchError("DISPATCH_BAD_CWD", `Cannot work in ${cwd}: ${why}.`, {
		hint: "Name an existing directory with --cwd.",
	});
}

function makeDirectory(path: string): void {
	try {
		mkdirSync(path, { mode: OWNER_ONLY });
	} catch (error) {
		if (codeOf(error) !== "EEXIST") throw diskError(path, error);
		if (!isRealDirectory(path)) throw notADirectory(path);
	}
}

/** rename(2) of a stamped directory: it replaces an empty one at most, so one of two owners wins. */
function claim(dir: string, owner: Owner): void {
	if (stampedBy(dir, owner)) return;
	const temporary = temporaryName(dir);
	try {
		mkdirSync(temporary, { mode: OWNER_ONLY });
		const { namespace, host, nonce } = owner;
		publishNew(join(temporary, STAMP), `${JSON.stringify({ namespace, host, nonce })}\n`);
		renameSync(temporary, dir);
	} catch (error) {
		if (!["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(codeOf(error) ?? "")) throw diskError(dir, error);
		if (!isRealDirectory(dir)) throw notADirectory(dir);
		if (!stampedBy(dir, owner)) throw taken(dir);
	} finally {
		rmSync(temporary, { recursive: true, force: true });
	}
}

function taken(dir: string): DispatchError {
	return new DispatchError("DISPATCH_ID_EXISTS", `${dir} belongs to another task.`, {
		hint: "Choose another id with --id, or remove the directory if you no longer need it.",
	});
}

function stampedBy(dir: string, owner: Owner): boolean {
	if (!isRealDirectory(dir)) return false;
	const file = readRegularFile(join(dir, STAMP), STAMP_LIMIT_BYTES);
	if (file.kind !== "text") return false;
	try {
		const stamp: unknown = JSON.parse(file.text);
		if (typeof stamp !== "object" || stamp === null) return false;
		const fields = new Map<string, unknown>(Object.entries(stamp));
		return (["namespace", "host", "nonce"] as const).every((name) => fields.get(name) === owner[name]);
	} catch {
		return false;
	}
}

/** @throws DispatchError DISPATCH_BAD_CWD if `.dispatch` or `tasks` is no directory */
export function inspectTaskDir(cwd: string, id: string, owner: Owner): "ours" | "foreign" | "absent" {
	const dir = taskDirOf(cwd, id);
	for (const parent of [join(dir, "../.."), join(dir, "..")]) {
		if (!isThere(parent)) return "absent";
		if (!isRealDirectory(parent)) throw notADirectory(parent);
	}
	if (!isThere(dir)) return "absent";
	return stampedBy(dir, owner) ? "ours" : "foreign";
}

/** The task has another host now: a directory that was its own stays so. @throws DispatchError DISPATCH_DISK */
export function restampTaskDir(cwd: string, id: string, owner: Owner, host: string): void {
	if (inspectTaskDir(cwd, id, owner) !== "ours") return;
	const { namespace, nonce } = owner;
	replaceFile(join(taskDirOf(cwd, id), STAMP), `${JSON.stringify({ namespace, host, nonce })}\n`);
}

/** Removes the directory if it is the owner's. @returns whether it was. @throws DispatchError DISPATCH_DISK */
export function removeTaskDir(cwd: string, id: string, owner: Owner): boolean {
	if (inspectTaskDir(cwd, id, owner) !== "ours") return false;
	const dir = taskDirOf(cwd, id);
	try {
		rmSync(dir, { recursive: true, force: true });
		return true;
	} catch (error) {
		throw diskError(dir, error);
	}
}

/** The exact prompt that an agent got. @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function writePromptFile(dir: string, prompt: string): void {
	requireIntact(dir);
	replaceFile(join(dir, "prompt.md"), prompt);
}

/** Removes what killed writes of ours left in the directory, in `ipc/`, and beside it. */
export function clearTemporaries(dir: string): void {
	for (const folder of [dirname(dir), dir, join(dir, "ipc")])
		if (isRealDirectory(folder)) clearLeftovers(folder);
}
