/** Files that somebody holds shut by leases: whoever opens one is turned away (EAGAIN). Linux only. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { holdShut } from "../leased.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const LIMIT_MS = 500;
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
	await holdShut([...files, free]);
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

test("a file that is looked at less often than the limit is long is given up all the same", async () => {
	vi.stubEnv("DISPATCH_LEASE_LIMIT_MS", "50");
	vi.resetModules();
	onTestFinished(() => void vi.unstubAllEnvs());
	const { readRegularFile } = await import("../../src/process/read-file.ts");
	const file = join(temporaryFolder("leases"), "exit");
	writeFileSync(file, "text");
	await holdShut([file]);
	await vi.waitFor(() => expect(readRegularFile(file, 100).kind).toBe("refused"), {
		timeout: CONDITION_LIMIT_MS,
		interval: 200,
	});
});
