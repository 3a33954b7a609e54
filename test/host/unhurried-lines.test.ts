import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openUnhurried, UnhurriedLines } from "../../src/host/unhurried-lines.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a reader who stands still holds up nobody: what fits comes when it reads on, and how much was left out", async () => {
	const path = join(temporaryFolder("log"), "pipe");
	execFileSync("mkfifo", [path]);
	const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
	const unhurried = openUnhurried(pipe) ?? 0;
	const leftOut = (count: number) => `${count} lines are left out here\n`;
	const lines = new UnhurriedLines(unhurried, { limitBytes: 256 * 1024, leftOut });
	const LINES = 10_000;
	for (let n = 0; n < LINES; n++) lines.write(`line ${n} ${"x".repeat(100)}\n`);
	let read = "";
	const chunk = Buffer.alloc(1024 * 1024);
	const readMore = () => {
		try {
			for (;;) read += chunk.toString("utf8", 0, readSync(pipe, chunk));
		} catch {
			// Nothing more for now.
		}
		return read;
	};
	await expect.poll(readMore).toContain("lines are left out here");
	lines.write("the last one\n");
	await expect.poll(readMore).toContain("the last one");
	closeSync(pipe);
	closeSync(unhurried);
	const numbers = [...read.matchAll(/^line (\d+) x{100}$/gm)].map(([, n]) => Number(n));
	expect(numbers).toEqual(numbers.map((_, n) => n));
	const [, missing] = /\n(\d+) lines are left out here\nthe last one\n$/.exec(read) ?? [];
	expect(numbers.length + Number(missing)).toBe(LINES);
});

test("a file is written to as it is, and a reader who is gone ends nobody", () => {
	const folder = temporaryFolder("lines");
	const file = openSync(join(folder, "log"), "w");
	expect(openUnhurried(file)).toBeNull();
	closeSync(file);
	execFileSync("mkfifo", [join(folder, "pipe")]);
	const reader = openSync(join(folder, "pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
	const writer = openSync(join(folder, "pipe"), constants.O_WRONLY | constants.O_NONBLOCK);
	closeSync(reader);
	const lines = new UnhurriedLines(writer, { limitBytes: 10, leftOut: (count) => `${count}\n` });
	for (let n = 0; n < 10; n++) expect(() => lines.write(`line ${n}\n`)).not.toThrow();
	closeSync(writer);
});
