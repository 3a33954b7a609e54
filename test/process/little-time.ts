/** A busy machine, which gives a process next to no time: each step of its end takes as long as it takes there. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import { readStat } from "../../src/process/identity.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

/** With memory and open files, of which each takes its time to give up. */
export const LADEN = `
use POSIX ();
my $n = 0;
$n++ while $n < 20_000 && defined POSIX::open("/dev/null");
my $memory = "x" x (64 << 20);
$| = 1; print "$$\\n"; sleep 1000;
`;
/** Afterwards the process has its share again, and comes to its end however busy the machine is with other things. */
const BUSY = `taskset -c "$1" perl -e 'my $until = time + 3; 1 while time < $until'; chrt -o -p 0 "$2"`;

/** From now on, for a few seconds. */
export function giveLittleTime(pid: number): void {
	const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
	execFileSync("taskset", ["-pc", cpu, String(pid)]);
	execFileSync("chrt", ["-i", "-p", "0", String(pid)]);
	const busy = spawn("/bin/sh", ["-c", BUSY, "sh", cpu, String(pid)], { stdio: "ignore" });
	const over = once(busy, "exit");
	onTestFinished(async () => void (await over));
}

/** @returns once it is ending, which it is for seconds */
export async function killSlowly(pid: number): Promise<void> {
	giveLittleTime(pid);
	process.kill(pid, "SIGKILL");
	const limits = { timeout: CONDITION_LIMIT_MS, interval: 1 };
	await expect.poll(() => readStat(pid)?.isEnding ?? true, limits).toBe(true);
}
