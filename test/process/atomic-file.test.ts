import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { publishNew, replaceFile, temporaryName } from "../../src/process/atomic-file.ts";
import { clearLeftovers } from "../../src/process/leftovers.ts";
import { inDirectory } from "../../src/process/opened-directory.ts";
import { DispatchError } from "../../src/task/errors.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const modeOf = (path: string) => statSync(path).mode & 0o777;

test("only its owner sees what is written, whatever the umask; another mode is exactly that mode", () => {
	const dir = temporaryFolder("atomic");
	for (const umask of [0o000, 0o022, 0o077]) {
		const before = process.umask(umask);
		try {
			replaceFile(join(dir, "replaced"), "a");
			publishNew(join(dir, `new-${umask}`), "a");
			replaceFile(join(dir, "program"), "a", { mode: 0o755, durable: false });
		} finally {
			process.umask(before);
		}
		expect(modeOf(join(dir, "replaced"))).toBe(0o600);
		expect(modeOf(join(dir, `new-${umask}`))).toBe(0o600);
		expect(modeOf(join(dir, "program"))).toBe(0o755);
	}
});

test("a new file never takes the place of anything, a replaced one of everything but a directory", () => {
	const dir = temporaryFolder("atomic");
	writeFileSync(join(dir, "file"), "old");
	symlinkSync("/nonexistent", join(dir, "link"));
	mkdirSync(join(dir, "directory"));
	for (const name of ["file", "link", "directory"]) expect(publishNew(join(dir, name), "new")).toBe(false);
	expect(readFileSync(join(dir, "file"), "utf8")).toBe("old");
	for (const name of ["file", "link"]) replaceFile(join(dir, name), "new");
	for (const name of ["file", "link"]) expect(readFileSync(join(dir, name), "utf8")).toBe("new");
	expect(() => replaceFile(join(dir, "directory"), "new")).toThrow(/Cannot write .*directory/);
	expect(readdirSync(dir).sort()).toEqual(["directory", "file", "link"]);
});

test("a fault is told in the caller's words where it has its own", () => {
	const refuse = () => new DispatchError("DISPATCH_BAD_FILE", "No.");
	const path = join(temporaryFolder("atomic"), "missing", "file");
	expect(() => replaceFile(path, "")).toThrow(expect.objectContaining({ code: "DISPATCH_DISK" }));
	expect(() => replaceFile(path, "", { refuse })).toThrow("No.");
});

test("what a killed writer left is removed, a living one's and anybody else's files stay", async () => {
	const dir = temporaryFolder("atomic");
	const own = temporaryName(join(dir, "file"));
	const dead = own.replace(`-${process.pid}.tmp`, `-${spawnSync("true").pid}.tmp`);
	for (const path of [own, dead, join(dir, "plan.md.tmp"), join(dir, ".hidden.tmp")]) writeFileSync(path, "");
	await inDirectory(dir, [], clearLeftovers);
	expect(readdirSync(dir).map((name) => join(dir, name))).not.toContain(dead);
	expect(readdirSync(dir)).toHaveLength(3);
});
