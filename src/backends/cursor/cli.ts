import type { Cli } from "../cli.ts";

export const cursor: Cli<"cursor"> = {
	type: "cursor",
	programs: ["agent", "cursor-agent"],
	prefix: "",
	flags: '-p --force --workspace "$(pwd)"',
	// It is in no registry: tested against its documentation.
	tested: "0",
	install: "curl https://cursor.com/install -fsS | bash",
	login: {
		variables: () => ["CURSOR_API_KEY"],
		file: null,
		how: "Log in with `agent login`, or set CURSOR_API_KEY.",
	},
	permissions: ["edit"],
	dropped: [],
	models: {
		usual: ["auto"],
		isMakers: () => false,
		form: /^(?:gemini|grok|kimi|deepseek|composer|qwen|glm)-[\w.-]*\d[\w.-]*$/,
		further: ["thinking"],
		prefix: "",
		isFullId: () => false,
		argument: (name) => name,
		isSure: () => false,
		ofOthers: true,
		offered: async ({ program }, env) => (await import("./models.ts")).cursorModels(program ?? "agent", env),
	},
};
