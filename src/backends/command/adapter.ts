import { shellInvocation } from "../command-line.ts";
import type { Backend, OutputParser } from "../contract.ts";
import { eventText } from "../text.ts";

/** Any other program: it gets the prompt as its last word; the plan and the ipc files tell everything else. */
export const command: Backend = {
	type: "command",
	permit: (line, permissions) => (permissions === "full" ? line : null),
	addEnv: {},
	start: (input) => ({ argv: shellInvocation(input.command, [input.prompt]), sessionId: null }),
	resume: () => null,
	parser: (): OutputParser => ({
		line: (text) => (text.trim() === "" ? [] : [{ kind: "text", text: eventText(text) }]),
	}),
};
