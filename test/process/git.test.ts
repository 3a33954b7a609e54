import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { git } from "../../src/process/git.ts";
import { GIT_ENV } from "../git.ts";
import { processesOf } from "../processes.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("who a program of git's left behind, with git's output in its hands, is waited for by nobody; all that was said is there", async () => {
	const cwd = temporaryFolder("git");
	const go = join(cwd, "go");
	const stays = `(while [ ! -e ${go} ]; do sleep 0.1; done) & seq 200000`;
	const { code, stdout } = await git({
		args: ["-c", `alias.x=!${stays}`, "x"],
		place: null,
		cwd,
		env: GIT_ENV,
	});
	const left = processesOf(cwd).length;
	writeFileSync(go, "");
	expect(left).toBeGreaterThan(0);
	expect(code).toBe(0);
	expect(stdout.trimEnd().split("\n")).toHaveLength(200_000);
	await expect.poll(() => processesOf(cwd)).toEqual([]);
});
