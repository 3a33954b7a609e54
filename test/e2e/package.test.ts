/** What a stranger gets: the packed tarball, installed into an empty prefix, runs from any directory. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { TEST_LIMIT_MS } from "../patience.ts";
import { REGISTRY_ENV } from "../registry.ts";

const ROOT = resolve(import.meta.dirname, "../..");

const folder = mkdtempSync(join(tmpdir(), "pk-"));
const program = join(folder, "prefix/bin/dispatch");
const elsewhere = join(folder, "elsewhere");
/** From Node 22 on it would keep its compiled code where temporary files go. */
const NPM = { npm_config_loglevel: "error", NODE_DISABLE_COMPILE_CACHE: "1" };
const env = { PATH: process.env.PATH, HOME: folder, DISPATCH_HOME: join(folder, "h") };

afterEach(() => {
	if (existsSync(program))
		execFileSync(program, ["down", "--stop-agents"], { cwd: elsewhere, env, stdio: "ignore" });
	rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

test(
	"npm pack, npm install -g, and the demo from another directory without a terminal",
	async () => {
		const npm = (...args: string[]) =>
			promisify(execFile)("npm", args, { cwd: ROOT, env: { ...REGISTRY_ENV, ...NPM } });
		await npm("pack", "--ignore-scripts", "--pack-destination", folder);
		const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
		if (tarball === undefined) throw new Error("npm pack made no tarball");
		const prefix = join(folder, "prefix");
		await npm("install", "--global", "--prefix", prefix, "--prefer-offline", join(folder, tarball));
		mkdirSync(elsewhere);
		const skill = await promisify(execFile)(program, ["skill", "show"], { cwd: elsewhere, env });
		expect(skill.stdout).toContain("You are the dispatcher");
		const { stdout } = await promisify(execFile)(program, ["demo"], { cwd: elsewhere, env });
		expect(stdout).toContain("Worker is asking:");
		expect(stdout).toMatch(/`demo-review` complete\. Found \d+ issues/);
		const report = /^Full report at (.+)$/m.exec(stdout)?.[1] ?? "";
		expect(readFileSync(report, "utf8")).toMatch(/^# Review\n/);
		expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^Now yours: dispatch enqueue /);
		expect(readdirSync(elsewhere)).toEqual([]);
	},
	TEST_LIMIT_MS,
);
