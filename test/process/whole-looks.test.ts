/** A look at the processes proves that nothing of a run is left only if it missed nobody: each way of missing somebody. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { sweepMarked } from "../../src/process/end-tree.ts";
import { readStat } from "../../src/process/identity.ts";
import { Looks, listPids, marked } from "../../src/process/processes.ts";
import { newNonce } from "../../src/queue/records/store.ts";

const children: ChildProcess[] = [];
afterEach(async () => {
	for (const child of children.splice(0)) {
		child.kill("SIGKILL");
		if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
	}
});

/** @returns the pid of a process that has become `sleep` */
async function sleeping(env: Record<string, string>): Promise<number> {
	const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore", env });
	children.push(child);
	const pid = child.pid ?? 0;
	await expect.poll(() => readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("sleep\n");
	return pid;
}

/** A parent that waits for nobody. @returns the pid of its dead child */
async function zombie(): Promise<number> {
	const script = "perl -e 'my $pid = fork; exit 0 unless $pid; $| = 1; print \"$pid\\n\"; sleep 1000'";
	const child = spawn("/bin/sh", ["-c", `exec ${script}`], { stdio: ["ignore", "pipe", "inherit"] });
	children.push(child);
	const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
	const pid = Number(line);
	await expect.poll(() => readStat(pid)?.state).toBe("Z");
	return pid;
}

const nonce = newNonce();
const lookAt = (pid: number, looks = new Looks()) => {
	const found = [...marked(nonce, [pid], looks)].map((member) => member.pid);
	return { found, hasMissed: looks.hasMissed };
};

test("who carries the mark is found, and whoever else lives is known not to", async () => {
	const own = await sleeping({ DISPATCH_RUN: nonce });
	expect(lookAt(own)).toEqual({ found: [own], hasMissed: false });
	const other = await sleeping({ DISPATCH_RUN: newNonce() });
	expect(lookAt(other)).toEqual({ found: [], hasMissed: false });
});

test("who ended since the list was read may have forked", async () => {
	const pid = await sleeping({ DISPATCH_RUN: nonce });
	const child = children[0] as ChildProcess;
	child.kill("SIGKILL");
	await once(child, "exit");
	expect(lookAt(pid)).toEqual({ found: [], hasMissed: true });
});

test("a zombie may have forked before the first look that finds it, and not after", async () => {
	const pid = await zombie();
	const looks = new Looks();
	expect(lookAt(pid, looks)).toEqual({ found: [], hasMissed: true });
	expect(lookAt(pid, looks)).toEqual({ found: [], hasMissed: false });
});

test("who shows no environment may be about to become another program", async () => {
	const looks = new Looks();
	const pid = await sleeping({});
	expect(lookAt(pid, looks)).toEqual({ found: [], hasMissed: true });
	expect(lookAt(pid, looks)).toEqual({ found: [], hasMissed: true });
});

test("a run with nobody left is known to be so while others come and go", async () => {
	const others = setInterval(() => {
		const child = spawn("/bin/true", [], { stdio: "ignore" });
		children.push(child);
	}, 2);
	try {
		const before = listPids().join();
		await expect.poll(() => listPids().join()).not.toBe(before);
		expect(await sweepMarked(nonce)).toBe(0);
		const own = await sleeping({ DISPATCH_RUN: nonce });
		expect(await sweepMarked(nonce)).toBe(1);
		expect(readStat(own)?.state ?? "Z").toBe("Z");
	} finally {
		clearInterval(others);
	}
});
