/** Processes that hold what a test looks for, here or in a mount namespace of their own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** How `unshare` makes a mount namespace, as root or as anybody. */
export const APART = process.getuid?.() === 0 ? "-m" : "-rm";
export const mayLiveApart =
	spawnSync("unshare", [APART, "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

/** @returns a program that has said that it holds all; it is killed when the test has finished */
export async function holderAt(file: string, args: readonly string[], cwd: string): Promise<ChildProcess> {
	const child = spawn(file, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
	const ended = once(child, "exit");
	onTestFinished(async () => {
		child.kill("SIGKILL");
		await ended;
	});
	await once(child.stdout, "data");
	return child;
}
