import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const SOURCES = resolve(import.meta.dirname, "../../src");

/** What hangs on an object that nobody holds: a garbage collection later it never comes (nodejs/node#57736). */
const LOSES_ITS_HOLD = /AbortSignal\s*(?:\?\.|\.)\s*(?:any|timeout)\b|\bWeakRef\b|\bFinalizationRegistry\b/;

test("a time limit is a timer that somebody holds: timeLimit of src/task/time-limit.ts", () => {
	const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) =>
		name.endsWith(".ts"),
	);
	expect(files.length).toBeGreaterThan(100);
	const losing = files.filter((name) =>
		readFileSync(join(SOURCES, name), "utf8")
			.split("\n")
			.some((line) => !/^\s*(?:\*|\/\/)/.test(line) && LOSES_ITS_HOLD.test(line)),
	);
	expect(losing).toEqual([]);
});
