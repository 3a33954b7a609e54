/** What to type after the demo. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Environment } from "../context.ts";

const AGENT_CLIS = [
	{ program: "claude", name: "claude" },
	{ program: "codex", name: "codex" },
	{ program: "agent", name: "cursor (agent)" },
];
const COMMAND = 'dispatch enqueue "review src/"';

/** The last line can be copied as it is; what it needs first stands before it. */
export function nextSteps(env: Environment): string[] {
	const found = AGENT_CLIS.filter(({ program }) => isOnPath(program, env)).map(({ name }) => name);
	const clis =
		found.length > 0
			? `Agent CLIs found: ${found.join(", ")}.`
			: "No agent CLI is on your PATH yet; one of them: npm install -g @anthropic-ai/claude-code";
	// `npm start` in a clone runs a program that is installed nowhere.
	const first = isOnPath("dispatch", env) ? [] : ["Put dispatch on your PATH: npm install -g ."];
	return [clis, ...first, `Now yours: ${COMMAND}`];
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
