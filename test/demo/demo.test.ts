import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { writeSample } from "../../src/demo/sample.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

const PROGRAM = join(import.meta.dirname, "../../dist/dispatch.cjs");

let root: string;
let started: ChildProcess[];

beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "demo-"));
	started = [];
});

afterEach(async () => {
	for (const child of started) if (child.exitCode === null) child.kill("SIGTERM");
	await vi.waitFor(() => expect(leftRunning()).toEqual([]), { timeout: CONDITION_LIMIT_MS, interval: 100 });
	rmSync(root, { recursive: true, force: true });
});

interface Ended {
	code: number | null;
	lines: string[];
}

/** Runs the demo without a terminal. */
function demo(args: string[], env: Record<string, string> = {}) {
	const child = spawn(process.execPath, [PROGRAM, "demo", ...args], {
		cwd: root,
		env: { ...process.env, DISPATCH_HOME: join(root, "home"), DISPATCH_DEMO_PACE_MS: "1", ...env },
		stdio: ["ignore", "pipe", "inherit"],
	});
	started.push(child);
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		text += chunk;
	});
	const ended = new Promise<Ended>((resolve) =>
		child.once("close", (code) => resolve({ code, lines: text.trimEnd().split("\n") })),
	);
	return { child, ended, said: () => text };
}

/** Processes that belong to this test's directory, by their command line or environment. */
function leftRunning(): string[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
		.flatMap((pid) => {
			try {
				const about =
					readFileSync(`/proc/${pid}/cmdline`, "utf8") + readFileSync(`/proc/${pid}/environ`, "utf8");
				return about.includes(root) ? [about.replaceAll("\0", " ").slice(0, 200)] : [];
			} catch {
				return [];
			}
		});
}

test("tells the whole story on a sample, answers itself, and leaves no process and no config", async () => {
	const { code, lines } = await demo([]).ended;
	expect(lines.join("\n")).toMatch(
		/Dispatched `demo-review` using demo.*\[1\/6\].*Worker is asking: "Found 1 test file.*answers itself.*Answer sent\. Worker is continuing\..*\[6\/6\].*`demo-review` complete\. Found \d+ issues/s,
	);
	expect(code).toBe(0);
	expect(lines.at(-1)).toMatch(/^Now yours: dispatch enqueue "review src\/"$/);
	const report =
		lines.find((line) => line.startsWith("Full report at "))?.slice("Full report at ".length) ?? "";
	expect(readFileSync(report, "utf8")).toContain("src/auth.js");
	expect(existsSync(join(root, "home", "config.yaml"))).toBe(false);
	expect(leftRunning()).toEqual([]);
});

test("runs again on the same project, under the same name", async () => {
	const project = join(root, "project");
	writeSample(project);
	for (const _run of ["first", "second"]) {
		const { code, lines } = await demo(["--cwd", project], {
			DISPATCH_NAMESPACE: "mine",
			REDIS_URL: "redis://127.0.0.1:1",
		}).ended;
		expect(lines).toContain(`Full report at ${join(project, ".dispatch/tasks/demo-review/output.md")}`);
		expect(code).toBe(0);
	}
	expect(readdirSync(join(project, ".dispatch", "tasks"))).toEqual(["demo-review"]);
});

test("Ctrl-C in the middle takes everything down", async () => {
	const { child, ended, said } = demo([], { DISPATCH_DEMO_PACE_MS: "2000" });
	await vi.waitFor(() => expect(said()).toContain("Dispatched"), {
		timeout: CONDITION_LIMIT_MS,
		interval: 50,
	});
	child.kill("SIGINT");
	expect((await ended).code).toBe(130);
	expect(leftRunning()).toEqual([]);
});

test("a directory that cannot be used is refused, and nothing stays", async () => {
	const { code } = await demo(["--cwd", join(root, "missing")]).ended;
	expect(code).toBe(2);
	expect(leftRunning()).toEqual([]);
});
