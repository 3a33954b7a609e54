import { join } from "node:path";
import type { Cli } from "../cli.ts";

/** `o4-mini` is one, `o2-sensor` is none. */
const OPENAI = /(?:^|[^a-z])(?:gpt|codex)(?![a-z])|^(?:o1|o3|o4-mini)(?![a-z0-9])/;

export const codex: Cli<"codex"> = {
	type: "codex",
	programs: ["codex"],
	prefix: "",
	flags: 'exec --sandbox workspace-write -C "$(pwd)"',
	tested: "0.169.0",
	install: "npm install -g @openai/codex@latest",
	login: {
		// It sends no OPENAI_API_KEY to its own service (0.169, 0.171); a provider of the user's own may name it.
		variables: (command) => ["CODEX_API_KEY", ...(/env_key/.test(command) ? ["OPENAI_API_KEY"] : [])],
		file: (env, userHome) => join(env.CODEX_HOME || join(userHome, ".codex"), "auth.json"),
		how: "Log in with `codex login`, or set CODEX_API_KEY.",
	},
	permissions: ["read_only", "edit"],
	dropped: [{ flag: "--full-auto", successor: "--sandbox workspace-write", unless: ["--sandbox", "-s"] }],
	models: {
		usual: [],
		isMakers: (name) => OPENAI.test(name),
		form: /^(?:gpt-\d[\w.-]*|o1|o3|o4-mini|codex-[a-z0-9][\w.-]*)$/,
		further: ["codex"],
		prefix: "",
		isFullId: () => false,
		argument: (name) => name,
		isSure: () => false,
		ofOthers: false,
		offered: async (started, env) => (await import("./models.ts")).codexModels(started, env),
	},
};
