import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { openLog } from "../../src/host/log.ts";

test("a log that cannot be written ends nobody, and takes no memory", () => {
	const full = openSync("/dev/full", "w");
	const log = openLog("info", full);
	const before = process.memoryUsage().heapUsed;
	for (let line = 0; line < 2_000; line++) log.warn({ error: "x".repeat(10_000) }, "background work failed");
	global.gc?.();
	expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * 1024 * 1024);
	closeSync(full);
});
