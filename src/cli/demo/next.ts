/** What to type after the demo. */
import { which } from "../../process/which.ts";
import type { Environment } from "../context.ts";

const AGENT_CLIS = [
	{ program: "claude", name: "claude" },
	{ program: "codex", name: "codex" },
	{ program: "agent", name: "cursor (agent)" },
];
const COMMAND = 'dispatch enqueue "review src/"';

/** The last line can be copied as it is; what it needs first stands before it. */
export function nextSteps(env: Environment): string[] {
	const found = AGENT_CLIS.filter(({ program }) => which(program, env.PATH) !== null).map(({ name }) => name);
	const clis =
		found.length > 0
			? `Agent CLIs found: ${found.join(", ")}.`
			: "No agent CLI is on your PATH yet; one of them: npm install -g @anthropic-ai/claude-code@latest";
	// `npm start` in a clone runs a program that is installed nowhere.
	const first = which("dispatch", env.PATH) !== null ? [] : ["Put dispatch on your PATH: npm install -g ."];
	return [clis, ...first, `Now yours: ${COMMAND}`];
}
