/** The real claude as the host: it dispatches, passes a question and its answer on, and reads the reports. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import type { Conversation, Script, Turn } from "../fixtures/model-server/conversation.ts";
import { type ModelServer, startModelServer } from "../fixtures/model-server/server.ts";
import { claudeProgram, cliEnv, INSTALL_LIMIT_MS, installCliAgents } from "./support.ts";

beforeAll(installCliAgents, INSTALL_LIMIT_MS);

interface Host {
	user: User;
	server: ModelServer;
	/** runs claude with a prompt. @returns what it printed */
	ask(prompt: string, ...options: string[]): Promise<string>;
}

/** A user whose workers are shell agents; only the host is a claude. */
async function hostWith(script: Script): Promise<Host> {
	const server = await startModelServer({ script });
	const user = new User({ agent: "ten-line.sh", agents: { quick: "writes-report.sh" } });
	const home = join(user.path, "cli-home");
	const bin = join(user.path, "bin");
	mkdirSync(home);
	mkdirSync(bin);
	writeFileSync(join(bin, "dispatch"), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
		mode: 0o755,
	});
	Object.assign(user.env, { CLAUDE_CONFIG_DIR: join(home, ".claude") });
	onTestFinished(async () => {
		await user.cleanup();
		await server.stop();
	});
	const ask = async (prompt: string, ...options: string[]) => {
		const own = cliEnv("claude", server.url, home);
		const env = { ...own, ...user.env, HOME: home, PATH: `${bin}:${own.PATH}` };
		const args = ["-p", "--dangerously-skip-permissions", "--model", "sonnet", ...options, "--", prompt];
		const child = spawn(claudeProgram(), args, { cwd: user.project, env, stdio: ["ignore", "pipe", "pipe"] });
		const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
		return out + err;
	};
	return { user, server, ask };
}

/** The first step that has no call yet; a step may look at what the ones before it gave. */
function story(steps: ((outputs: string[]) => Turn)[]): Script {
	return ({ toolCalls }: Conversation) => {
		const outputs = toolCalls.map(({ output }) => output ?? "");
		return steps[toolCalls.length]?.(outputs) ?? { text: `All told. ${outputs.slice(-2).join(" ")}` };
	};
}

const mcp = (name: string, input: Record<string, unknown> = {}): Turn => ({
	tool: `mcp__dispatch__${name}`,
	input,
});

test("by MCP: two tasks, one asks, the answer goes back, both reports are read", async () => {
	const host = await hostWith(
		story([
			() => mcp("enqueue", { prompt: "Look around", id: "asks", items: ["Look around"] }),
			() => mcp("enqueue", { prompt: "Be quick", id: "quick", model: "quick" }),
			() => mcp("wait"),
			() => mcp("wait"),
			() => mcp("answer", { id: "asks", text: "Blue" }),
			() => mcp("wait"),
			() => mcp("output", { id: "asks" }),
			() => mcp("output", { id: "quick" }),
		]),
	);
	const command = { command: process.execPath, args: [PROGRAM, "mcp"], env: host.user.env };
	const config = join(host.user.path, "mcp.json");
	writeFileSync(config, JSON.stringify({ mcpServers: { dispatch: command } }));
	const said = await host.ask("Dispatch two tasks.", "--mcp-config", config, "--strict-mcp-config");
	const outputs = outputsOf(host.server);
	expect(outputs.slice(2, 4).sort()).toEqual([
		expect.stringContaining('"question":"Which colour?"'),
		expect.stringContaining('"kind":"completed","task":"quick"'),
	]);
	expect(said).toContain("The answer: Blue");
	expect(said).toContain("Nothing was found.");
});

const bash = (command: string): Turn => ({ bash: command });

test("with the skill: /dispatch hands two tasks over, one asks, the answer goes back, both reports are read", async () => {
	const waiting = 'dispatch wait --any --for question --cursor "$PWD/.git-cursor"; echo "exit $?"';
	const host = await hostWith(
		story([
			() => bash("dispatch config show --json | head -c 200"),
			() => bash('dispatch wait --cursor "$PWD/.git-cursor" --timeout 1ms; echo "exit $?"'),
			() => bash('dispatch enqueue "Look around" --id asks --item "Look around"'),
			() => bash('dispatch enqueue "Be quick" --id quick --model quick'),
			() => bash(waiting),
			() => bash(waiting),
			() => bash('dispatch answer asks "Blue"'),
			() => bash(waiting),
			() => bash("dispatch output asks"),
			() => bash("dispatch output quick"),
		]),
	);
	await host.user.ok(["skill", "install"]);
	const said = await host.ask("/dispatch look around, and be quick about the rest");
	const first = host.server.requests.find(({ conversation }) => conversation !== null)?.conversation;
	const told = first?.userTexts.join("\n") ?? "";
	expect(told).toContain("You hand work over and carry messages.");
	expect(told).toContain("look around, and be quick about the rest");
	const outputs = outputsOf(host.server);
	expect(outputs[1]).toContain("exit 4");
	expect(outputs[2]).toContain("Dispatched `asks` using");
	const events = outputs.slice(4, 6).join("\n");
	expect(events).toMatch(/Worker is asking: "Which colour\?".*\nexit 3/);
	expect(events).toMatch(/`quick` complete\..*\nexit 0/);
	expect(outputs[6]).toContain("Answer sent. Worker is continuing.");
	expect(outputs[7]).toMatch(/`asks` complete\..*\nexit 0/);
	expect(said).toContain("The answer: Blue");
	expect(said).toContain("Nothing was found.");
});

test("the waiter in the background: each end of it wakes the host, which goes on with the event", async () => {
	const waiter: Turn = {
		tool: "Bash",
		input: {
			command: 'dispatch wait --any --for question --cursor "$PWD/.git-cursor"',
			description: "Wait for the workers",
			run_in_background: true,
		},
	};
	const steps: { after: number; turn: Turn }[] = [
		{
			after: 0,
			turn: bash('dispatch wait --cursor "$PWD/.git-cursor" --timeout 1ms; dispatch enqueue x --id asks'),
		},
		{ after: 0, turn: waiter },
		{ after: 1, turn: bash("dispatch answer asks Blue") },
		{ after: 1, turn: waiter },
		{ after: 2, turn: bash("dispatch output asks") },
	];
	const host = await hostWith(({ toolCalls, userTexts }) => {
		const woken = userTexts.filter((each) => each.includes("<task-notification>")).length;
		const step = steps[toolCalls.length];
		if (step !== undefined && step.after <= woken) return step.turn;
		return { text: step === undefined ? `Told: ${toolCalls.at(-1)?.output}` : "I wait for the workers." };
	});
	await host.user.ok(["skill", "install"]);
	expect(await host.ask("/dispatch look around")).toContain("Told: The answer: Blue");
});

function outputsOf(server: ModelServer): string[] {
	const last = server.requests.findLast(({ conversation }) => conversation !== null);
	return (last?.conversation?.toolCalls ?? []).map(({ output }) => output ?? "");
}
