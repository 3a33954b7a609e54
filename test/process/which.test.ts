import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { which } from "../../src/process/which.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("the first file on PATH that may be executed; no directory, no dead link, none that is meant from the working directory", () => {
	const root = temporaryFolder("which");
	const folders = ["directory", "unfit", "dead", "good", "later"].map((name) => join(root, name));
	const [directory = "", unfit = "", dead = "", good = "", later = ""] = folders;
	for (const folder of folders) mkdirSync(folder);
	mkdirSync(join(directory, "agent"));
	writeFileSync(join(unfit, "agent"), "");
	symlinkSync("/nonexistent", join(dead, "agent"));
	for (const folder of [good, later]) writeFileSync(join(folder, "agent"), "#!/bin/sh\n");
	for (const folder of [good, later]) chmodSync(join(folder, "agent"), 0o755);
	const relative = ["", ".", "good", "./good", "../good"];
	const path = [...relative, join(root, "missing"), ...folders].join(delimiter);
	expect(which("agent", path)).toBe(join(good, "agent"));
	expect(which("other", path)).toBeNull();
	expect(which("agent", undefined)).toBeNull();
	expect(which(join(later, "agent"), "")).toBe(join(later, "agent"));
	expect(which(join(unfit, "agent"), path)).toBeNull();
});
