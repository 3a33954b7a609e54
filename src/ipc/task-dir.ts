/**
 * `.dispatch/tasks/<id>/` under the agent's working directory. The owner stamp says whose it is: it is
 * in the directory before the directory has its name, so a directory without ours is never ours.
 */
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
	codeOf,
	diskError,
	isThere,
	publishNew,
	replaceFile,
	temporaryName,
} from "../process/atomic-file.ts";
import { whyNoDirectory } from "../process/is-directory.ts";
import { clearLeftovers } from "../process/leftovers.ts";
import {
	inDirectory,
	type OpenedDirectory,
	removeTree,
	removeTreeAtOnce,
} from "../process/opened-directory.ts";
import { isLocked, notLookedAt } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";
import { checkId } from "../task/id.ts";
import { renderPlan } from "../task/plan.ts";
import type { TaskRecord } from "../task/record.ts";
import {
	inTaskDir,
	type Locked,
	lockOfStamp,
	nameIn,
	notADirectory,
	notUsable,
	requireTaskDir,
	STAMP,
	type Stamp,
	stampOf,
} from "./opened-task.ts";

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

const PROMPT = "prompt.md";
const PLAN = "plan.md";
const IGNORE = ".gitignore";
const IGNORE_ALL = "*\n";
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
	requireDirectory(cwd);
	const done = inDirectory(resolve(cwd), [], (workspace) => makeIn(workspace, dir, spec), { links: true });
	if (done !== undefined) throw notADirectory(cwd);
	await clearTemporaries(dir);
	return dir;
}

function makeIn(workspace: OpenedDirectory, dir: string, spec: TaskDirSpec): void {
	inMade(workspace, ".dispatch", (dispatch) => {
		publishIn(dispatch, IGNORE, IGNORE_ALL);
		inMade(dispatch, "tasks", (tasks) => {
			claim(tasks, dir, spec);
			inMade(tasks, spec.id, (task) => fill(task, spec));
		});
	});
}

function fill(task: OpenedDirectory, spec: TaskDirSpec): void {
	// Its own one, too: an agent, or the repository itself, may have another one above it.
	publishIn(task, IGNORE, IGNORE_ALL);
	inMade(task, "ipc", () => {});
	publishIn(task, PLAN, spec.planText ?? renderPlan(spec.title, [...spec.givenItems]));
}

function publishIn(directory: OpenedDirectory, name: string, text: string): boolean {
	return publishNew(directory.at(name), text, {
		refuse: (error) => diskError(nameIn(directory, name), error),
	});
}

function requireDirectory(cwd: string): void {
	const why = whyNoDirectory(cwd);
	if (why === null) return;
	throw new DispatchError("DISPATCH_BAD_CWD", `Cannot work in ${cwd}: ${why}.`, {
		hint: "Name an existing directory with --cwd.",
	});
}

/** Makes a directory if it is not there yet, and uses it. @throws DISPATCH_BAD_CWD for what is none */
function inMade(parent: OpenedDirectory, name: string, use: (made: OpenedDirectory) => void): void {
	try {
		mkdirSync(parent.at(name), { mode: OWNER_ONLY });
	} catch (error) {
		if (codeOf(error) !== "EEXIST") throw diskError(nameIn(parent, name), error);
	}
	const done = inDirectory(parent, [name], (made) => {
		made.makePrivate();
		use(made);
		return true as const;
	});
	if (done !== true) throw notUsable(nameIn(parent, name), done);
}

/**
 * rename(2) of a stamped directory: it replaces an empty one at most, so one of two owners wins. Of a task that moved
 * here the directory moves too: whoever moved it may not have come to say so in its stamp.
 */
function claim(tasks: OpenedDirectory, dir: string, owner: TaskDirSpec): void {
	const { id } = owner;
	if (isOurs(tasks, id, owner) || inDirectory(tasks, [id], (task) => restamp(task, dir, owner)) === true)
		return;
	const temporary = temporaryName(id);
	try {
		inMade(tasks, temporary, (made) => publishIn(made, STAMP, stampText(owner)));
		renameSync(tasks.at(temporary), tasks.at(id));
	} catch (error) {
		if (!["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(codeOf(error) ?? "")) throw diskError(dir, error);
		if (inDirectory(tasks, [id], () => true) !== true) throw notADirectory(dir);
		if (!isOurs(tasks, id, owner)) throw taken(dir);
	} finally {
		removeTreeAtOnce(tasks, temporary);
	}
}

function stampText({ namespace, host, nonce, id }: Owner & { id: string }): string {
	return `${JSON.stringify({ namespace, host, nonce, id })}\n`;
}

function taken(dir: string): DispatchError {
	return new DispatchError("DISPATCH_ID_EXISTS", `${dir} belongs to another task.`, {
		hint: "Choose another id with --id, or remove the directory if you no longer need it.",
	});
}

function isOurs(tasks: OpenedDirectory, id: string, owner: Owner): boolean {
	return inDirectory(tasks, [id], (task) => isStampedBy(task, id, owner)) === true;
}

function isStampedBy(task: OpenedDirectory, id: string, owner: Owner): boolean {
	return isStampOf(stampOf(task), id, owner);
}

function isStampOf(stamp: Stamp, id: string, owner: Owner): boolean {
	return isOfCreation(stamp, id, owner) && stamp.get("host") === owner.host;
}

/** Whichever host it was on. */
function isOfCreation(stamp: Stamp, id: string, owner: Owner): boolean {
	// Stamps of an earlier version name no id.
	if ((stamp.get("id") ?? id) !== id) return false;
	return (["namespace", "nonce"] as const).every((name) => stamp.get(name) === owner[name]);
}

/** @throws DispatchError DISPATCH_BAD_CWD if `.dispatch` or `tasks` is no directory */
export function inspectTaskDir(cwd: string, id: string, owner: Owner): "ours" | "foreign" | "absent" {
	taskDirOf(cwd, id);
	const seen = inTasks(cwd, (tasks) => {
		if (!isThere(tasks.at(id))) return "absent";
		return isOurs(tasks, id, owner) ? "ours" : "foreign";
	});
	return seen ?? "absent";
}

/** What has a task's directory there, or something in its place. @throws DispatchError DISPATCH_BAD_CWD */
export function namesOfTaskDirs(cwd: string): Set<string> {
	const names = new Set<string>();
	inTasks(cwd, (tasks) => {
		const directory = tasks.list();
		try {
			for (let entry = directory.readSync(); entry !== null; entry = directory.readSync())
				names.add(entry.name);
		} finally {
			directory.closeSync();
		}
		return "";
	});
	return names;
}

/** @returns null: there is no `tasks` directory. @throws DispatchError DISPATCH_BAD_CWD */
function inTasks<T extends string | Promise<boolean | Locked>>(
	cwd: string,
	use: (tasks: OpenedDirectory) => T,
): T | null {
	const dispatch = join(resolve(cwd), ".dispatch");
	const done = inDirectory(dispatch, ["tasks"], use);
	if (typeof done !== "object" || !("kind" in done)) return done;
	if (done.kind === "absent") return null;
	throw notUsable(join(dispatch, "tasks"), done);
}

/** The task has another host now: a directory that was its own stays so. @throws DispatchError DISPATCH_DISK */
export function restampTaskDir(cwd: string, id: string, owner: Owner): void {
	const dir = taskDirOf(cwd, id);
	inTaskDir(dir, (task) => restamp(task, dir, { ...owner, id }));
}

/** @returns whether it was of this very task */
function restamp(task: OpenedDirectory, dir: string, owner: Owner & { id: string }): boolean {
	if (!isOfCreation(stampOf(task), owner.id, owner)) return false;
	replaceFile(task.at(STAMP), stampText(owner), { refuse: (error) => diskError(join(dir, STAMP), error) });
	return true;
}

/**
 * Removes the directory if it is the owner's.
 * @returns whether it was
 * @throws DispatchError DISPATCH_DISK, also when it is locked and nobody can know; DISPATCH_BAD_CWD
 */
export async function removeTaskDir(cwd: string, id: string, owner: Owner): Promise<boolean> {
	const removed = await removeIn(cwd, id, (stamp) => isStampOf(stamp, id, owner));
	if (typeof removed === "boolean") return removed;
	throw notLookedAt(taskDirOf(cwd, id), new Error(removed.why));
}

/** Whether what lies there does not say whose it is: a removal leaves it. */
export function isUnstamped(cwd: string, id: string): boolean {
	return inTaskDir(taskDirOf(cwd, id), (task) => stampOf(task).size === 0) === true;
}

/** As `removeTaskDir`, for an owner that is known by something else in the stamp. One that is locked is nobody's. */
export async function removeStamped(
	cwd: string,
	id: string,
	isIts: (stamp: Stamp) => boolean,
): Promise<boolean> {
	return (await removeIn(cwd, id, isIts)) === true;
}

/** @returns what locks it, where that is so */
async function removeIn(
	cwd: string,
	id: string,
	isIts: (stamp: Stamp) => boolean,
): Promise<boolean | Locked> {
	const dir = taskDirOf(cwd, id);
	try {
		return (await inTasks(cwd, (tasks) => removeFrom(tasks, id, isIts))) ?? false;
	} catch (error) {
		throw diskError(dir, error);
	}
}

/** Renamed away first: nobody finds it by its name any more, and a killed removal leaves a leftover. */
async function removeFrom(
	tasks: OpenedDirectory,
	id: string,
	isIts: (stamp: Stamp) => boolean,
): Promise<boolean | Locked> {
	const away = temporaryName(id);
	const moved = inDirectory(tasks, [id], (task) => {
		const locked = lockOfStamp(task);
		if (locked !== null) return locked;
		if (!isIts(stampOf(task))) return false;
		renameSync(tasks.at(id), tasks.at(away));
		if (inDirectory(tasks, [away], (there) => there.isSame(task)) === true) return true;
		// Swapped at the very moment: what was moved is not what was looked at, and goes back.
		renameSync(tasks.at(away), tasks.at(id));
		return false;
	});
	if (moved === true) await removeTree(tasks, away);
	if (typeof moved === "boolean") return moved;
	return isLocked(moved) ? moved : false;
}

/** The exact prompt that an agent got. @throws DispatchError DISPATCH_DISK, DISPATCH_BAD_CWD */
export function writePromptFile(dir: string, prompt: string): void {
	const refuse = (error: unknown) => diskError(join(dir, PROMPT), error);
	requireTaskDir(dir, (task) => replaceFile(task.at(PROMPT), prompt, { refuse }));
}

/** Removes what killed writes of ours left in the directory, in `ipc/`, and beside it. */
export async function clearTemporaries(dir: string): Promise<void> {
	await inDirectory(dirname(dirname(dir)), ["tasks"], clearLeftovers);
	await inTaskDir(dir, clearLeftovers);
	await inTaskDir(dir, clearLeftovers, ["ipc"]);
}
