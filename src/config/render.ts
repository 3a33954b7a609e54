/** The config file of a first run: what was found, with the words to change it. */
import { type BackendType, knownCli } from "../backends/known.ts";
import type { Config } from "./config.ts";

const HEADER = `# The config of dispatch. Change it here or with \`dispatch config …\`; comments stay.
# Every key is explained in docs/CONFIG.md. The worker reads a change by itself.
`;

const UNATTENDED = `# How each agent is started: shell lines of your own. Agents run unattended, with these permissions, in the
# directory of their task.
`;

/** How to give a backend of this type less freedom; null where no key does. */
export function restriction(type: BackendType): string | null {
	const cli = knownCli(type);
	return cli === null || cli.permissions.length === 0 ? null : `permissions: ${cli.permissions.join(" or ")}`;
}

/** @param config what was found; its names are those of known CLIs, so nothing in it needs to be quoted */
export function renderConfig(config: Config): string {
	const backends = Object.values(config.backends).map(({ name, type, command }) => {
		const how = restriction(type);
		const comment = how === null ? "" : `  # To restrict it, add ${how}\n`;
		return `${comment}  ${name}:\n    command: ${command}\n`;
	});
	const models = Object.entries(config.models).map(
		([name, { backend }]) => `  ${name}: { backend: ${backend} }\n`,
	);
	return [
		HEADER,
		`# The model of a task that names none.\ndefault:${config.default === null ? "" : ` ${config.default}`}\n`,
		`${UNATTENDED}backends:\n${backends.join("")}`,
		`# Names for --model and for prompts ("use sonnet to …").\nmodels:\n${models.join("")}`,
		`# A model with words of its own before the prompt:
#   dispatch config add-alias security-reviewer --model MODEL --prompt "You are a security reviewer."
aliases:
`,
	].join("\n");
}
