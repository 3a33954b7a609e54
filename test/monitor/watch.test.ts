import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { DirectoryWatcher } from "../../src/monitor/watch.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a directory that was removed and made anew is watched again, also where it has the number of the one before", async () => {
	const taskDir = temporaryFolder("watch");
	const ipc = join(taskDir, "ipc");
	const runDir = join(taskDir, "run");
	for (const dir of [ipc, runDir]) mkdirSync(dir);
	const changed = vi.fn();
	const watcher = new DirectoryWatcher({ changed, enabled: true });
	onTestFinished(() => watcher.stop());
	watcher.set("t", { taskDir, runDir });
	const born = () => statSync(ipc, { bigint: true }).birthtimeNs;
	const before = born();
	// The clock of some file systems ticks every few milliseconds.
	do {
		rmSync(ipc, { recursive: true });
		mkdirSync(ipc);
	} while (before !== 0n && born() === before);
	// What the removal told is over before the question comes.
	await expect.poll(() => changed.mock.calls).toContainEqual(["t"]);
	watcher.rearm();
	changed.mockClear();
	writeFileSync(join(ipc, "001.question"), "Which?");
	await expect.poll(() => changed.mock.calls).toContainEqual(["t"]);
});
