/**
 * A file that is swapped for something else between the look at it and its opening: it is read as the file it was, or
 * refused. The last fence is the opening itself: O_NOFOLLOW, O_NONBLOCK, and a look at what was opened.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { askProgram } from "../../src/process/ask-program.ts";
import { isLocked, readRegularFile } from "../../src/process/read-file.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bundled, source } from "./bundled.ts";

const SWAPPER = resolve(import.meta.dirname, "../fixtures/swaps.mjs");
/** Far above what it takes, far below for ever: an opened FIFO would wait so long. */
const HANGS_MS = 120_000;
const SECRET = "a secret of the user's";
/** So many looks see the file and then open something: each of the fences is met many times (measured: hundreds). */
const LOOKS = 20_000;

const READER = `
	import { readRegularFile } from ${source("process/read-file.ts")};
	const seen = {};
	// On a loaded machine the other program has hardly a turn in so many looks.
	for (let n = 0; n < ${LOOKS} || !(process.argv[3] in seen && "text: mine" in seen); n++) {
		const file = readRegularFile(process.argv[2], 1000);
		const what = file.kind === "text" ? "text: " + file.text : file.kind === "refused" ? file.why : file.kind;
		seen[what] = (seen[what] ?? 0) + 1;
	}
	console.log(JSON.stringify(seen));
`;

test.each<[string, string, (other: string, folder: string) => void]>([
	[
		"a link to a file of the user's",
		"is a link",
		(other, folder) => symlinkSync(join(folder, "secret"), other),
	],
	["a FIFO", "is a FIFO", (other) => void spawnSync("mkfifo", [other])],
])("%s in place of a file, at any moment: the file's own text, or a refusal", async (_what, why, put) => {
	const folder = temporaryFolder("file-swaps");
	writeFileSync(join(folder, "secret"), SECRET);
	const path = join(folder, "001.question");
	writeFileSync(path, "mine");
	put(`${path}.other`, folder);
	const program = await bundled(folder, READER);
	const swapper = spawn(process.execPath, [SWAPPER, path, `${path}.other`], {
		stdio: ["pipe", "pipe", "inherit"],
	});
	onTestFinished(() => void swapper.kill("SIGKILL"));
	await once(swapper.stdout, "data");
	const read = await askProgram({
		file: process.execPath,
		args: [program, path, why],
		env: { PATH: process.env.PATH },
		limitMs: HANGS_MS,
	});
	swapper.stdin.end();
	await once(swapper, "exit");
	expect(read).toMatchObject({ timedOut: false, exitCode: 0 });
	const seen = Object.keys(JSON.parse(read.stdout));
	expect(seen).toContain("text: mine");
	expect(seen).toContain(why);
	expect(seen.filter((each) => !["text: mine", why, "absent"].includes(each))).toEqual([]);
});

test("a file with a lease on it is waited for as long as a lease may last; then it is refused, and known as locked", async () => {
	const path = join(temporaryFolder("leased-file"), "exit");
	const lease = `open F, ">", "${path}"; $SIG{IO} = "IGNORE"; fcntl(F, 1024, 1) or die; $| = 1; print "held"; sleep 1000`;
	const holder = spawn("perl", ["-e", lease], { stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void holder.kill("SIGKILL"));
	await once(holder.stdout, "data");
	vi.useFakeTimers({ toFake: ["performance"] });
	onTestFinished(() => void vi.useRealTimers());
	for (let n = 0; n < 3; n++) {
		expect(() => readRegularFile(path, 10)).toThrow("EAGAIN");
		vi.advanceTimersByTime(30_000);
	}
	vi.advanceTimersByTime(1);
	const read = readRegularFile(path, 10);
	expect(read).toMatchObject({ kind: "refused", why: "is kept shut by a lease" });
	expect(isLocked(read)).toBe(true);
	holder.kill("SIGKILL");
	await once(holder, "exit");
	expect(readRegularFile(path, 10)).toMatchObject({ kind: "text" });
	// A lease that comes long after it is another one: it is waited for anew.
	vi.advanceTimersByTime(90_001);
	const later = spawn("perl", ["-e", lease], { stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void later.kill("SIGKILL"));
	await once(later.stdout, "data");
	expect(() => readRegularFile(path, 10)).toThrow("EAGAIN");
});
