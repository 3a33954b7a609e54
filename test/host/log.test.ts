import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "../../src/host/log.ts";
import { cleanText } from "../../src/task/clean-text.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { collectGarbage } from "../collect-garbage.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a log that cannot be written ends nobody, and takes no memory", () => {
	const full = openSync("/dev/full", "w");
	const log = openLog("info", { fd: full });
	collectGarbage();
	const before = process.memoryUsage().heapUsed;
	for (let line = 0; line < 2_000; line++) log.warn({ error: "x".repeat(10_000) }, "background work failed");
	collectGarbage();
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

const QUESTIONS = [
	'`job` asks: "May I open https://x.example/?token=abc" Answer with: dispatch answer job "…"',
	'the call of "https://x.example/?a=1&api_key=abc\\" failed',
	'Bearer abcdefgh12345678"',
	'redis://:abc"@host',
	`${"abc".repeat(3)}"\nand\u0000 \x1b[1mmore`,
];

test.each(QUESTIONS)("a line is written whatever its text ends a secret with: %j", (text) => {
	const path = join(temporaryFolder("log"), "daemon.log");
	for (const isForPeople of [true, false]) {
		const file = openSync(path, "w");
		const log = openLog("info", { fd: file, isForPeople });
		expect(() => log.info({ task: "job", error: text }, text)).not.toThrow();
		closeSync(file);
		expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(1);
	}
	const { msg, error } = JSON.parse(readFileSync(path, "utf8"));
	expect(error).toBe(msg);
	expect(msg).toBe(cleanText(text));
});

test("a secret is named in both forms of a line, with an escape sequence in it as well", () => {
	rememberSecret("LOGGED_KEY", 'correct-"horse"-staple');
	const path = join(temporaryFolder("log"), "daemon.log");
	for (const isForPeople of [true, false]) {
		const file = openSync(path, "w");
		openLog("info", { fd: file, isForPeople }).info('it is correct-\x1b[1m"horse"-staple.');
		closeSync(file);
		expect(readFileSync(path, "utf8")).toContain("it is [LOGGED_KEY].");
	}
});
