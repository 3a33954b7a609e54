import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "../../src/host/log.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a log that cannot be written ends nobody, and takes no memory", () => {
	const full = openSync("/dev/full", "w");
	const log = openLog("info", { fd: full });
	const before = process.memoryUsage().heapUsed;
	for (let line = 0; line < 2_000; line++) log.warn({ error: "x".repeat(10_000) }, "background work failed");
	global.gc?.();
	expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * 1024 * 1024);
	closeSync(full);
});

test("a level that there is none of is told, and ends nobody", () => {
	const path = join(temporaryFolder("log"), "daemon.log");
	for (const [level, said] of [
		["verbose", /DISPATCH_LOG_LEVEL names no level/],
		["__proto__", /DISPATCH_LOG_LEVEL names no level/],
		["silent", /^$/],
	] as const) {
		const file = openSync(path, "w");
		openLog(level, { fd: file }).info("worker ready");
		closeSync(file);
		expect(readFileSync(path, "utf8")).toMatch(said);
	}
	expect(readFileSync(path, "utf8")).toBe("");
});
