import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { writeSample } from "../../src/demo/sample.ts";
import { buildPrompt } from "../../src/ipc/prompt.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { specOf } from "../web/seed.ts";

const built = mkdtempSync(join(tmpdir(), "demo-agent-"));
const program = join(built, "agent.cjs");
const QUICK = { DISPATCH_DEMO_PACE_MS: "1", DISPATCH_DEMO_WAIT_MS: "60000" };

let project: string;
let task: string;
let running: ChildProcess | undefined;

beforeAll(async () => {
	await build({
		entryPoints: [join(import.meta.dirname, "../../src/demo/agent.ts")],
		bundle: true,
		platform: "node",
		format: "cjs",
		outfile: program,
		logLevel: "error",
	});
});

beforeEach(() => {
	project = mkdtempSync(join(tmpdir(), "demo-project-"));
	writeSample(project);
	task = join(project, ".dispatch", "tasks", "demo-review");
	mkdirSync(join(task, "ipc"), { recursive: true });
	writeFileSync(join(task, "plan.md"), "# demo-review\n");
});

afterEach(() => {
	running?.kill("SIGKILL");
	rmSync(project, { recursive: true, force: true });
});

afterAll(() => rmSync(built, { recursive: true, force: true }));

function run(env: Record<string, string> = {}, prompt = "Review this project"): Promise<number | null> {
	const child = spawn(process.execPath, [program, prompt], {
		cwd: project,
		env: { ...process.env, ...QUICK, DISPATCH_TASK_DIR: task, ...env },
		stdio: ["ignore", "ignore", "inherit"],
	});
	running = child;
	return new Promise((resolve) => child.once("exit", resolve));
}

const read = (name: string) => readFileSync(join(task, name), "utf8");
const isThere = (name: string) => existsSync(join(task, name));
const appears = (name: string) =>
	vi.waitFor(() => expect(isThere(name)).toBe(true), { timeout: CONDITION_LIMIT_MS, interval: 20 });

function answer(text: string): void {
	writeFileSync(join(task, "ipc", "a.tmp"), text);
	renameSync(join(task, "ipc", "a.tmp"), join(task, "ipc", "001.answer"));
}

test.each([
	{ said: "yes", hasTestFinding: true },
	{ said: "no, leave them out", hasTestFinding: false },
])("asks once, and the answer '$said' changes the report", async ({ said, hasTestFinding }) => {
	const ended = run();
	await appears("ipc/001.question");
	expect(read("ipc/001.question")).toContain("1 test file");
	answer(said);
	expect(await ended).toBe(0);
	expect(isThere("ipc/001.done")).toBe(true);
	expect(isThere("ipc/.done")).toBe(true);
	expect(isThere("ipc/002.question")).toBe(false);
	expect(read("plan.md").match(/^- \[x\] /gm)).toHaveLength(6);
	const report = read("output.md");
	expect(report).toMatch(/^Found \d+ issues in \d+ files: /m);
	expect(report).toMatch(/^- src\/auth\.js:\d+ secret: /m);
	expect(/^- test\//m.test(report)).toBe(hasTestFinding);
});

test("the report names the place of a secret and never the secret", async () => {
	const ended = run();
	await appears("ipc/001.question");
	answer("yes");
	await ended;
	const [, secret = ""] =
		/password: "([^"]+)"/.exec(readFileSync(join(project, "src/auth.js"), "utf8")) ?? [];
	expect(secret).toMatch(/^\S{4,}$/);
	expect(read("output.md")).toMatch(/^- src\/auth\.js:\d+ secret: /m);
	expect(read("output.md")).not.toContain(secret);
});

/** What dispatch gives a successor. */
function promptToGoOn(question: string, said: string): string {
	const spec = specOf("demo-review", { prompt: "Review this project" });
	return buildPrompt({
		checkFailed: null,
		dispatchPath: "/home/ann/.dispatch/bin/dispatch",
		spec,
		mode: "continue",
		taskDir: join(project, ".dispatch/tasks/demo-review"),
		taskDirRelative: ".dispatch/tasks/demo-review",
		hasPlanItems: true,
		undelivered: [{ seq: "001", question, answer: said }],
		answered: [],
		needed: [],
	});
}

test("nobody answers: it parks, and goes on when started again with the answer", async () => {
	expect(await run({ DISPATCH_DEMO_WAIT_MS: "1" })).toBe(0);
	const question = read("ipc/001.question");
	expect(read("plan.md")).toContain(`- [?] Settle what the review covers\n  ${question}`);
	expect(isThere("context.md")).toBe(true);
	expect(isThere("ipc/.done")).toBe(false);

	rmSync(join(task, "ipc"), { recursive: true });
	mkdirSync(join(task, "ipc"));
	expect(await run({}, promptToGoOn(question, "no"))).toBe(0);
	expect(isThere("ipc/001.question")).toBe(false);
	expect(read("plan.md").match(/^- \[x\] /gm)).toHaveLength(6);
	expect(read("output.md")).toContain("tests are left out");
});

test("a note that dispatch adds to the plan stays", async () => {
	const ended = run();
	await appears("ipc/001.question");
	writeFileSync(join(task, "plan.md"), `${read("plan.md")}\n> **Note from dispatcher:** be brief\n`);
	answer("yes");
	expect(await ended).toBe(0);
	expect(read("plan.md")).toContain("> **Note from dispatcher:** be brief");
});
