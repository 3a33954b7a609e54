/** Small file systems of their own, filled to the last byte. Mounting takes a right that not every user has. */
import { spawnSync } from "node:child_process";
import { appendFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

const run = (program: string, ...words: string[]) =>
	spawnSync(program, words, { stdio: "ignore" }).status === 0;

export const mount = (...words: string[]) => run("mount", ...words);
export const unmount = (folder: string) => run("umount", "-l", folder);

export function canMount(): boolean {
	const isAllowed = mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt");
	if (isAllowed) unmount("/mnt");
	return isAllowed;
}

/** Takes all the room that is left, to the last byte. @returns the file that gives it back */
export function fill(folder: string, name = "filler"): string {
	const filler = join(folder, name);
	const { bavail, bsize } = statfsSync(folder);
	writeFileSync(filler, Buffer.alloc(bavail * bsize));
	expect(() => {
		for (;;) appendFileSync(filler, "x".repeat(64));
	}).toThrow("ENOSPC");
	return filler;
}
