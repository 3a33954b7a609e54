/** Files that somebody holds shut by leases: whoever opens one is turned away (EAGAIN). Linux only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const LIMIT_MS = 500;
const HOLDER = `
use Fcntl qw(:DEFAULT);
$SIG{IO} = "IGNORE"; $| = 1;
for (@ARGV) { sysopen(my $file, $_, O_RDWR) or die "$_: $!"; push @held, $file; }
sub lease { fcntl($_, 1024, 1) or $!{EAGAIN} or die "lease: $!" for @held; }
lease(); print "held\\n";
while (1) { lease(); select undef, undef, undef, 0.01; }
`;

test("several files of one directory are waited for once, not one after the other", async () => {
	vi.stubEnv("DISPATCH_LEASE_LIMIT_MS", String(LIMIT_MS));
	vi.resetModules();
	onTestFinished(() => void vi.unstubAllEnvs());
	const { readRegularFile } = await import("../../src/process/read-file.ts");
	const folder = temporaryFolder("leases");
	mkdirSync(join(folder, "ipc"));
	const files = ["run.json", "pid", "exit", "ipc/001.done"].map((name) => join(folder, name));
	const free = join(temporaryFolder("leases"), "exit");
	for (const file of [...files, free]) writeFileSync(file, "text");
	const holder = spawn("perl", ["-e", HOLDER, ...files, free], { stdio: ["ignore", "pipe", "inherit"] });
	onTestFinished(() => void holder.kill("SIGKILL"));
	await once(holder.stdout, "data");
	const [first = "", ...rest] = files;
	expect(() => readRegularFile(first, 100)).toThrow("EAGAIN");
	await vi.waitFor(() => expect(readRegularFile(first, 100).kind).toBe("refused"), {
		timeout: CONDITION_LIMIT_MS,
		interval: 20,
	});
	for (const file of rest)
		expect(readRegularFile(file, 100)).toMatchObject({ kind: "refused", why: "is kept shut by a lease" });
	// Another directory's are no part of it.
	expect(() => readRegularFile(free, 100)).toThrow("EAGAIN");
});
