/**
 * The real CLIs in the situations that the recorded fixtures show. `RECORD=1` writes the fixtures anew:
 * do that when a pinned version changes, and read the difference.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { backendOf } from "../../src/backends/index.ts";
import type { Script } from "../fixtures/model-server/conversation.ts";
import { protocolScript } from "../fixtures/model-server/scripts.ts";
import { expectScenario } from "../fixtures/recorded/expect-scenario.ts";
import { RECORDED_AT, SCENARIOS, type Scenario } from "../fixtures/recorded/scenarios.ts";
import { makeStage, runCli, type Stage } from "./run-cli.ts";
import { type CliKind, cliCommand, cliEnv, INSTALL_LIMIT_MS, installCliAgents, MODELS } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

const live = SCENARIOS.filter((scenario): scenario is LiveScenario => scenario.staging !== null);

type LiveScenario = Scenario & { type: CliKind; staging: NonNullable<Scenario["staging"]> };

describe("what the real CLI prints is understood", () => {
	test.each(live)("$name", async (scenario) => {
		const stage = await makeStage(scriptOf(scenario));
		try {
			const run = runCli(invocationOf(scenario, stage), backendOf(scenario.type).parser(RECORDED_AT), {
				cwd: stage.cwd,
				env: environmentOf(scenario, stage),
			});
			const { code } = await run.ended;
			expectScenario(scenario, run.events);
			expect(code === 0).toBe(scenario.expected.ok === true);
			if (process.env.RECORD) record(scenario.name, run.lines, stage);
		} finally {
			await stage.close();
		}
	});
});

function scriptOf({ staging }: LiveScenario): Script {
	const protocol = protocolScript({ items: ["One", "Two"], question: null, report: "All is well." });
	const failures = [...(staging.failures ?? [])];
	return (conversation) => staging.turn ?? failures.shift() ?? protocol(conversation);
}

function invocationOf({ type, staging }: LiveScenario, stage: Stage) {
	const input = {
		command: [cliCommand(type, stage.server.url), staging.flags ?? ""].join(" "),
		model: staging.model === false ? null : MODELS[type],
		modelFlag: true,
		prompt: "Work on .dispatch/tasks/scripted",
		sessionId: staging.resume ?? crypto.randomUUID(),
	};
	const backend = backendOf(type);
	const invocation = staging.resume === undefined ? backend.start(input) : backend.resume(input);
	if (invocation === null) throw new Error(`${type} cannot resume`);
	return invocation;
}

function environmentOf({ type, staging }: LiveScenario, stage: Stage): Record<string, string> {
	const env = cliEnv(type, stage.server.url, stage.home);
	const removed = staging.without ?? [];
	return Object.fromEntries(Object.entries(env).filter(([name]) => !removed.includes(name)));
}

/** Without the paths and ports of this run. */
function record(name: string, lines: readonly string[], stage: Stage): void {
	const project = join(import.meta.dirname, "../..");
	const text = `${lines.join("\n")}\n`
		.replaceAll(stage.cwd, "/project")
		.replaceAll(stage.home, "/home/user")
		.replaceAll(stage.root.replaceAll("/", "-"), "-stage")
		.replaceAll(project, "/opt/dispatch")
		.replaceAll(/\/tmp\/cc-socks\/\d+/g, "/tmp/cc-socks/1")
		.replaceAll(String(stage.server.port), "8000");
	writeFileSync(join(project, `test/fixtures/recorded/${name}.jsonl`), text);
}
