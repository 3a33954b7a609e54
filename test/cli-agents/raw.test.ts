/**
 * The real CLIs, started by the adapters' own command lines, keep dispatch's file protocol; the test plays
 * dispatch. A scripted model on loopback decides the steps, so neither account nor network is needed.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { AgentEvent, StartInput } from "../../src/backends/contract.ts";
import { backendOf } from "../../src/backends/index.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { makeStage, runCli, type Stage } from "./run-cli.ts";
import { type CliKind, cliCommand, cliEnv, INSTALL_LIMIT_MS, installCliAgents, MODELS } from "./support.ts";

const QUESTION = 'Which of the two, "old" or "new"?';
const REPORT = "One finding.";
/** Begins like an option and holds what a shell would run. */
const PROMPT = '- Review it: "$(touch pwned)" `touch pwned`; the task is .dispatch/tasks/scripted';
const WAIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

const SCRIPT = protocolScript({
	items: ["Read the code", "Write the report"],
	question: QUESTION,
	report: REPORT,
});

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

async function prepare(kind: CliKind) {
	const stage = await makeStage(SCRIPT);
	onTestFinished(stage.close);
	const input: StartInput = {
		command: cliCommand(kind, stage.server.url),
		model: MODELS[kind],
		modelFlag: true,
		prompt: PROMPT,
		sessionId: randomUUID(),
	};
	const options = { cwd: stage.cwd, env: cliEnv(kind, stage.server.url, stage.home) };
	return { stage, input, options, backend: backendOf(kind) };
}

function sessionOf(events: readonly AgentEvent[]): string | undefined {
	return events.find((event) => event.kind === "session")?.id;
}

function expectFinished(stage: Stage, events: readonly AgentEvent[]): void {
	expect(events.at(-1)).toEqual({ kind: "result", ok: true, message: "All items are done." });
	expect(readFileSync(join(stage.taskDir, "plan.md"), "utf8")).toContain("- [x] Write the report");
	expect(readFileSync(join(stage.taskDir, "output.md"), "utf8").trim()).toBe(REPORT);
	expect(readdirSync(join(stage.taskDir, "ipc"))).toEqual(expect.arrayContaining(["001.done", ".done"]));
}

/** Both CLIs keep their sessions as JSON lines somewhere under their home. */
function sessionFiles({ home }: Stage): string {
	const files = readdirSync(home, { recursive: true, encoding: "utf8" }).filter((file) =>
		file.endsWith(".jsonl"),
	);
	return files.map((file) => readFileSync(join(home, file), "utf8")).join("\n");
}

describe.each(["claude", "codex"] as const)("the real %s", (kind) => {
	test("asks, waits for the answer and finishes", async () => {
		const { stage, input, options, backend } = await prepare(kind);
		const invocation = backend.start(input);
		const run = runCli(invocation, backend.parser(), options);
		onTestFinished(run.kill);
		await vi.waitUntil(stage.asked, WAIT);
		stage.answer("The new one.");

		expect(await run.ended).toEqual({ code: 0, signal: null });
		expectFinished(stage, run.events);
		expect(sessionOf(run.events)).toEqual(invocation.sessionId ?? expect.any(String));
		const activities = run.events.filter((event) => event.kind === "activity").map(({ text }) => text);
		expect(activities[0]).toMatch(/^(?:Bash|Shell): : write-plan; set -e mkdir -p \.dispatch/);
		expect(run.events).toContainEqual(expect.objectContaining({ kind: "usage", scope: "session" }));

		const last = stage.server.requests.at(-1)?.conversation;
		expect(last?.model).toContain(MODELS[kind]);
		expect(last?.userTexts.some((text) => text.endsWith(PROMPT))).toBe(true);
		expect(last?.toolCalls.map((call) => call.output).join("\n")).toContain("ANSWER: The new one.");
		expect(existsSync(join(stage.cwd, "pwned"))).toBe(false);
	});

	test("killed with -9 while it waits, goes on in the same session", async () => {
		const { stage, input, options, backend } = await prepare(kind);
		const first = runCli(backend.start(input), backend.parser(), options);
		onTestFinished(first.kill);
		await vi.waitUntil(stage.asked, WAIT);
		// It has written down the step after the question, and with it the question's own result.
		await vi.waitUntil(() => sessionFiles(stage).includes(": await-answer;"), WAIT);
		await first.kill();
		const sessionId = sessionOf(first.events);
		if (sessionId === undefined) throw new Error(`No session in:\n${first.lines.join("\n")}`);

		stage.answer("The new one.");
		const resumed = backend.resume({ ...input, sessionId, prompt: "Go on with .dispatch/tasks/scripted" });
		if (resumed === null) throw new Error(`${kind} cannot resume`);
		const before = stage.server.requests.length;
		const second = runCli(resumed, backend.parser(), options);
		onTestFinished(second.kill);
		expect(await second.ended).toEqual({ code: 0, signal: null });
		expectFinished(stage, second.events);
		expect(sessionOf(second.events)).toBe(sessionId);
		const earlier = stage.server.requests[before]?.conversation;
		expect(earlier?.userTexts.some((text) => text.endsWith(PROMPT))).toBe(true);
		expect(earlier?.toolCalls.map((call) => call.output).join("\n")).toContain("DONE ask");
	});
});
