import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createTaskDir, type TaskDirSpec } from "../../src/ipc/task-dir.ts";

export const OWNER = { namespace: "default", host: "h1", nonce: "0123456789abcdef" };

export const SPEC: TaskDirSpec = { ...OWNER, id: "t", planText: null, title: "T", givenItems: [] };

/** An empty directory that is gone after the test. */
export function makeDirectory(): string {
	const path = mkdtempSync(join(tmpdir(), "ipc-"));
	onTestFinished(() => rmSync(path, { recursive: true, force: true }));
	return path;
}

/** A working directory with the task `t`. */
export async function makeTask() {
	const cwd = makeDirectory();
	const dir = await createTaskDir(cwd, SPEC);
	const ipc = join(dir, "ipc");
	return {
		cwd,
		dir,
		ipc,
		write: (name: string, text: string | Uint8Array) => writeFileSync(join(ipc, name), text),
	};
}

export function makeFifo(path: string): void {
	execFileSync("mkfifo", [path]);
}
