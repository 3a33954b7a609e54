import { shellInvocation } from "../command-line.ts";
import type { Backend, OutputParser } from "../contract.ts";
import { eventText } from "../text.ts";

/**
 * Any other program: it gets the prompt as its last word, unless the config says otherwise; the plan and the ipc files
 * tell everything else.
 */
export const command: Backend = {
	type: "command",
	permit: (line, permissions) => (permissions === "full" ? line : null),
	promptBy: "argument",
	addEnv: {},
	start: (input) => ({
		argv: shellInvocation(input.command, input.promptFile ? [] : [input.prompt], input.promptFile),
		sessionId: null,
	}),
	resume: () => null,
	parser: (): OutputParser => ({
		line: (text) => (text.trim() === "" ? [] : [{ kind: "text", text: eventText(text) }]),
	}),
};
