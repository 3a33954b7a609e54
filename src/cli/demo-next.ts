/** What to type after the demo. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Environment } from "./context.ts";

const AGENT_CLIS = [
	{ program: "claude", name: "claude" },
	{ program: "codex", name: "codex" },
	{ program: "agent", name: "cursor (agent)" },
];
const COMMAND = 'dispatch enqueue "review src/"';

export function nextStep(env: Environment): string {
	const found = AGENT_CLIS.filter(({ program }) => isOnPath(program, env)).map(({ name }) => name);
	if (found.length === 0) {
		return `Now yours: ${COMMAND} (no agent CLI is on your PATH yet; one of them: npm install -g @anthropic-ai/claude-code)`;
	}
	return `Now yours: ${COMMAND} (agent CLIs found: ${found.join(", ")})`;
}

function isOnPath(program: string, env: Environment): boolean {
	return (env.PATH ?? "").split(delimiter).some((directory) => {
		try {
			const path = join(directory, program);
			accessSync(path, constants.X_OK);
			return directory !== "" && statSync(path).isFile();
		} catch {
			return false;
		}
	});
}
