import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
	appendFileSync,
	closeSync,
	mkdirSync,
	openSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { startInBackground } from "../../src/process/background.ts";
import { parsePs } from "../../src/process/identity.ts";
import { releaseForAll, takeLock, takePlaceLock } from "../../src/process/lock.ts";
import { LogTail, printedFrom, tailLines } from "../../src/process/log-tail.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 10 });
const MiB = 1024 * 1024;

test("a lock is held once, given back once, and not inherited by children", async () => {
	const path = join(temporaryFolder("lock-"), "lock");
	const lock = await takeLock(path);
	expect(lock).not.toBeNull();
	expect(await takeLock(path)).toBeNull();
	const child = spawn("sleep", ["1000"], { stdio: "ignore", detached: true });
	lock?.release();
	lock?.release();
	const again = await takeLock(path);
	expect(again).not.toBeNull();
	again?.release();
	child.kill("SIGKILL");
});

test("a lock is given back also where somebody who was left behind has its descriptor", async () => {
	const path = join(temporaryFolder("lock-"), "lock");
	const lock = await takeLock(path);
	const left = spawn("sleep", ["1000"], { stdio: ["ignore", "ignore", "ignore", lock?.fd ?? null] });
	lock?.release();
	expect(await takeLock(path)).toBeNull();
	left.kill("SIGKILL");
	await once(left, "close");
	const again = await takeLock(path);
	const other = spawn("sleep", ["1000"], { stdio: ["ignore", "ignore", "ignore", again?.fd ?? null] });
	if (again !== null) await releaseForAll(again);
	const free = await takeLock(path);
	expect(free).not.toBeNull();
	free?.release();
	other.kill("SIGKILL");
	await once(other, "close");
});

test("a lock is freed by the kill -9 of its holder", async () => {
	const path = join(temporaryFolder("lock-"), "lock");
	const holder = spawn("flock", ["-n", path, "sh", "-c", "echo held; exec sleep 1000"], { detached: true });
	await new Promise((resolve) => holder.stdout.once("data", resolve));
	expect(await takeLock(path)).toBeNull();
	process.kill(-(holder.pid ?? 0), "SIGKILL");
	await until(async () => {
		const lock = await takeLock(path);
		lock?.release();
		expect(lock).not.toBeNull();
	});
});

test("the lock of a place holds without its file, and one that another process has is given back whole", async () => {
	const path = join(temporaryFolder("lock-"), "lock");
	const place = await takePlaceLock(path);
	rmSync(path);
	expect(await takePlaceLock(path)).toBeNull();
	place?.release();
	// As an earlier version takes it.
	const file = await takeLock(path);
	expect(await takePlaceLock(path)).toBeNull();
	file?.release();
	const again = await takePlaceLock(path);
	expect(again?.fds).toHaveLength(2);
	again?.release();
});

test("where no directory is locked, the file's lock is that of the place", async () => {
	const tools = temporaryFolder("flock-");
	const real = execFileSync("sh", ["-c", "command -v flock"], { encoding: "utf8" }).trim();
	// As flock(1) ends for a descriptor that NFS does not lock.
	const script = `#!/bin/sh\n[ -d /proc/self/fd/3 ] && exit 65\nexec ${real} "$@"\n`;
	writeFileSync(join(tools, "flock"), script, { mode: 0o755 });
	const before = process.env.PATH;
	process.env.PATH = `${tools}:${before}`;
	try {
		const path = join(temporaryFolder("lock-"), "lock");
		const place = await takePlaceLock(path);
		expect(place?.fds).toHaveLength(2);
		expect(await takePlaceLock(path)).toBeNull();
		place?.release();
	} finally {
		process.env.PATH = before;
	}
});

test.each<[string, (path: string) => void]>([
	["a FIFO that nobody reads", (path) => execFileSync("mkfifo", [path])],
	["a directory", (path) => mkdirSync(path)],
	["a link into nothing that may be made", (path) => symlinkSync("/nonexistent/file", path)],
])("%s in the place of a lock, or of a log, is told and hangs nobody", async (_what, make) => {
	const path = join(temporaryFolder("lock-"), "lock");
	make(path);
	const refused = { code: "DISPATCH_DISK", message: expect.stringContaining(path) };
	await expect(takeLock(path)).rejects.toMatchObject(refused);
	for (const flags of ["a", "w"] as const)
		expect(() => startInBackground({ file: "true", args: [], env: {}, log: { path, flags } })).toThrowError(
			expect.objectContaining(refused),
		);
});

test("a lock below a file is refused, with its path", async () => {
	const file = join(temporaryFolder("lock-"), "file");
	writeFileSync(file, "");
	const refused = { code: "DISPATCH_DISK", message: expect.stringContaining(file) };
	await expect(takeLock(join(file, "below", "lock"))).rejects.toMatchObject(refused);
});

test("without the program flock the refusal says how to get it", async () => {
	const path = process.env.PATH;
	process.env.PATH = "/nonexistent";
	try {
		await expect(takeLock(join(temporaryFolder("lock-"), "lock"))).rejects.toMatchObject({
			code: "DISPATCH_DISK",
			hint: expect.stringContaining("util-linux"),
		});
	} finally {
		process.env.PATH = path;
	}
});

test("lines come whole, with their offsets, and another reader goes on where one stopped", () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	const tail = new LogTail(path, { offset: 0 });
	expect(tail.read(100)).toEqual({ lines: [], offset: 0, bytes: 0 });
	writeFileSync(path, "one\r\ntwö\npart");
	expect(tail.read(100).lines).toEqual([
		{ offset: 0, text: "one" },
		{ offset: 5, text: "twö" },
	]);
	appendFileSync(path, "ial\nlast");
	const { lines, offset } = tail.read(100);
	expect(lines).toEqual([{ offset: 10, text: "partial" }]);
	expect(new LogTail(path, { offset }).read(100, { flush: true }).lines).toEqual([
		{ offset: 18, text: "last" },
	]);
});

test("any cut of the bytes gives the same lines", () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	writeFileSync(path, "äöü\n\n€uro\nx\n");
	for (let step = 1; step < 8; step++) {
		const tail = new LogTail(path, { offset: 0 });
		const texts: string[] = [];
		for (let read = tail.read(step); read.bytes > 0; read = tail.read(step))
			texts.push(...read.lines.map(({ text }) => text));
		expect(texts).toEqual(["äöü", "€uro", "x"]);
	}
});

test("a line without end costs bounded memory, and the next line is read", () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	writeFileSync(path, Buffer.alloc(20 * MiB, "x"));
	appendFileSync(path, "\nnext\n");
	const tail = new LogTail(path, { offset: 0 });
	const lines: string[] = [];
	for (let read = tail.read(MiB); read.bytes > 0; read = tail.read(MiB))
		lines.push(...read.lines.map(({ text }) => text));
	expect(lines.map((line) => line.length < 5 * MiB)).toEqual([true, true]);
	expect(lines[0]).toMatch(/…\[cut\]$/);
	expect(lines[1]).toBe("next");
});

test("a long log gives its space back, and offsets stay", async () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	writeFileSync(path, Buffer.alloc(40 * MiB, "line of a flood\n"));
	const size = 40 * MiB;
	const before = statSync(path).blocks;
	const tail = new LogTail(path, { offset: size });
	tail.punchHole(size);
	await until(() => expect(statSync(path).blocks).toBeLessThan(before / 2));
	appendFileSync(path, "after\n");
	expect(tail.read(100).lines).toEqual([{ offset: size, text: "after" }]);
	expect(tailLines(path, 2)).toEqual(["line of a flood", "after"]);
	const fd = openSync(path, "r");
	const from = printedFrom(fd, statSync(path));
	closeSync(fd);
	expect(from).toBe(39 * MiB);
});

test.each([
	["a short one", MiB],
	["a long one", 40 * MiB],
])("of a log that kept all its space nothing is taken for a hole: %s", (_, size) => {
	const path = join(temporaryFolder("log-"), "agent.log");
	writeFileSync(path, Buffer.alloc(size));
	const fd = openSync(path, "r");
	expect(printedFrom(fd, statSync(path))).toBe(0);
	closeSync(fd);
});

test("the tail is clean of control sequences", () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	writeFileSync(path, "a\n\u001b[31mred\u001b[0m\n\n  \n10%\r20%\rlast");
	expect(tailLines(path, 2)).toEqual(["red", "last"]);
	expect(tailLines(`${path}.none`, 2)).toEqual([]);
});

test("a tail begins with a whole line: no part of a secret is left where the bytes before it are not read", () => {
	const path = join(temporaryFolder("log-"), "agent.log");
	const secret = "plTailed0123456789".repeat(3);
	rememberSecret("A_KEY", secret);
	const lines = (unread: number) => {
		writeFileSync(path, `${secret}\n${"y".repeat(64 * 1024 - 2 - secret.length + unread)}\n`);
		return tailLines(path, 2);
	};
	const last = `${"y".repeat(499)}…`;
	expect(lines(0)).toEqual(["[A_KEY]", last]);
	for (const unread of [1, 20, secret.length - 1, secret.length, secret.length + 1])
		expect(lines(unread)).toEqual([last]);
	expect(lines(secret.length + 2)).toEqual([]);
});

test("macOS tells the start time by ps (recorded)", () => {
	expect(parsePs("Ss   Tue Nov 24 02:22:21 2026    \n")).toBe("Tue Nov 24 02:22:21 2026");
	expect(parsePs("Z+   Tue Nov 24 02:22:21 2026\n")).toBeNull();
	expect(parsePs("")).toBeNull();
});
