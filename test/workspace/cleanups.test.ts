/** What cannot be cleaned up takes nothing back: neither what was done, nor the end of the process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { withIndex } from "../../src/workspace/commit.ts";
import { makeWorktree } from "../../src/workspace/make.ts";
import { removeWorktree } from "../../src/workspace/remove.ts";
import { writeIn } from "../git.ts";
import { bundled, source } from "../process/bundled.ts";
import { folder, onWorktreeOfItsOwn, setTheStage, submitted, worktree } from "./stage.ts";

setTheStage();
beforeEach(onWorktreeOfItsOwn);

test("an act on an index of our own has its answer, though that one cannot be taken away", async () => {
	const answer = await withIndex(worktree, undefined, async () => {
		for (const name of readdirSync(worktree.adminDir).filter((each) => each.startsWith("index."))) {
			rmSync(join(worktree.adminDir, name));
			mkdirSync(join(worktree.adminDir, name));
		}
		return "done";
	});
	expect(answer).toBe("done");
});

test("a process that is interrupted ends by that signal, and cleans up the rest, though one thing cannot be", async () => {
	const program = await bundled(
		folder,
		`import { spawn } from "node:child_process";
		import { writeFileSync } from "node:fs";
		import { endsWithUs, goesWithUs } from ${source("process/ends-with-us.ts")};
		const child = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
		endsWithUs(child, () => child.kill());
		goesWithUs(() => { throw new Error("it cannot be removed"); });
		goesWithUs(() => writeFileSync(process.argv[2], ""));
		console.log("ready");`,
	);
	const cleaned = join(folder, "cleaned");
	const child = spawn(process.execPath, [program, cleaned], { stdio: ["ignore", "pipe", "ignore"] });
	await once(child.stdout, "data");
	child.kill("SIGINT");
	const [code, signal] = await once(child, "exit");
	expect([code, signal, existsSync(cleaned)]).toEqual([null, "SIGINT", true]);
});

/** @returns how often what is kept beside a half made worktree was read, until its removal was refused */
async function readsWith(files: number): Promise<number> {
	const next = await submitted(`next${files}`);
	await makeWorktree(next);
	writeFileSync(`${next.path}.json`, JSON.stringify({ ...next.facts(), isWhole: false }));
	for (let n = 0; n < files; n++) writeIn(next.path, `${n}.txt`, "mine\n");
	const reads = vi.spyOn(next, "facts");
	const refused = { code: "DISPATCH_UNSAVED_WORK" };
	await expect(removeWorktree(next, { force: false })).rejects.toMatchObject(refused);
	return reads.mock.calls.length;
}

test("however many files lie there, what is kept beside them is read as often", async () => {
	expect(await readsWith(40)).toBe(await readsWith(1));
});
