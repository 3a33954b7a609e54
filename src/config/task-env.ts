/**
 * Variables that travel with a task (`env:` of the config): from the command that submits or retries it to its
 * agent, by a file of the state directory that only its owner reads. Never by Redis, never on a command line.
 * It is there until the task has ended.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { diskError, replaceFile } from "../process/atomic-file.ts";
import { meansAbsent, readRegularFile } from "../process/read-file.ts";
import { rememberEnvironment } from "../task/secrets.ts";
import type { TaskSpec } from "../task/spec.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Task = Pick<TaskSpec, "id" | "nonce">;

const LIMIT_BYTES = 4 * 1024 * 1024;
const OWNER_ONLY = 0o700;

const folderOf = (home: string) => join(home, "task-env");
const pathOf = (home: string, { id, nonce }: Task) => join(folderOf(home), `${id}.${nonce}`);

/** What a command's environment gives to the tasks that it submits. */
export class TaskEnv {
	readonly #home: string;
	readonly #values: Record<string, string>;

	/** @param home the state directory's path @param names those that travel @param env the command's */
	constructor(home: string, names: readonly string[], env: Environment) {
		this.#home = home;
		this.#values = chosen(names, env);
	}

	/** Nothing travels: of a task that was not there before there is nothing to keep or to drop. */
	get isEmpty(): boolean {
		return Object.keys(this.#values).length === 0;
	}

	/** Before the task can start. @throws DISPATCH_DISK */
	keep(task: Task): void {
		const path = pathOf(this.#home, task);
		if (this.isEmpty) {
			drop(path);
			return;
		}
		try {
			mkdirSync(folderOf(this.#home), { recursive: true, mode: OWNER_ONLY });
		} catch (error) {
			throw diskError(path, error);
		}
		replaceFile(path, JSON.stringify(this.#values));
	}

	/** The task was not made after all. */
	drop(task: Task): void {
		drop(pathOf(this.#home, task));
	}
}

/** @param names of the config as it is now: what is not listed any more does not travel */
export function readTaskEnv(home: string, task: Task, names: readonly string[]): Record<string, string> {
	const file = readRegularFile(pathOf(home, task), LIMIT_BYTES);
	if (file.kind !== "text" || file.cut) return {};
	try {
		const values = chosen(names, JSON.parse(file.text) as Environment);
		rememberEnvironment(values);
		return values;
	} catch {
		return {};
	}
}

/** The task has ended. @throws the fault of the disk */
export function dropTaskEnv(home: string, id: string): void {
	for (const name of filesIn(home)) if (name.startsWith(`${id}.`)) drop(join(folderOf(home), name));
}

/** Tasks that variables are kept for since before then. @param before ms since the Unix epoch */
export function tasksWithEnv(home: string, before: number): string[] {
	const old = filesIn(home).filter((name) => {
		const stats = lstatSync(join(folderOf(home), name), { throwIfNoEntry: false });
		return stats !== undefined && stats.mtimeMs < before;
	});
	return [...new Set(old.map((name) => name.replace(/\..*$/, "")))];
}

function filesIn(home: string): string[] {
	try {
		return readdirSync(folderOf(home)).filter((name) => !name.startsWith("."));
	} catch (error) {
		if (meansAbsent(error)) return [];
		throw error;
	}
}

function drop(path: string): void {
	rmSync(path, { force: true });
}

function chosen(names: readonly string[], env: Environment): Record<string, string> {
	return Object.fromEntries(
		names.flatMap((name) => {
			const value = env[name];
			return typeof value === "string" ? [[name, value] as const] : [];
		}),
	);
}
