import { installHint } from "../../backends/known.ts";
import { droppedFlag } from "../../backends/started.ts";
import { changeConfig } from "../../config/change.ts";
import type { Config } from "../../config/config.ts";
import { type ConfigChange, editConfig, readDocument } from "../../config/edit.ts";
import { loadConfig } from "../../config/load.ts";
import { valuesOf } from "../../notify/read.ts";
import { DispatchError } from "../../task/errors.ts";
import { secretsInCommand } from "../../task/secrets-of-command.ts";
import type { Environment } from "../context.ts";
import { broken, type Finding, fixed, ok, warn } from "./finding.ts";

export interface ConfigFindings {
	/** null when it cannot be loaded */
	config: Config | null;
	findings: Finding[];
}

export async function checkConfig(path: string, env: Environment, fix: boolean): Promise<ConfigFindings> {
	try {
		const mended = fix ? await mendConfig(path, await loadConfig({ path, env })) : [];
		const config = await loadConfig({ path, env });
		return { config, findings: [...mended, ...findingsOf(config, path)] };
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		return {
			config: null,
			findings: [broken("config", error.message, error.hint ?? "dispatch config edit")],
		};
	}
}

function findingsOf(config: Config, path: string): Finding[] {
	if (Object.keys(config.backends).length === 0)
		return [
			broken(
				"config",
				"No agent CLI is configured or found on PATH.",
				`${installHint()}, then: dispatch config init.`,
			),
		];
	const findings: Finding[] = [
		config.path === null
			? ok("config", `${path} does not exist; the agent CLIs on PATH are used.`)
			: ok("config", `${path} is valid.`),
	];
	if (config.default === null)
		findings.push(
			warn("config", "No default is set: the first model is used.", "dispatch config set-default MODEL"),
		);
	if (config.older)
		findings.push(warn("config", "The file is of the older form (agents:).", "dispatch config migrate"));
	return [...findings, ...visibleSecrets(config)];
}

/** What stands in a command line is read by every user of the machine while it runs. */
function visibleSecrets({ backends, notifications }: Config): Finding[] {
	const commands = [
		...Object.values(backends).map(({ name, command }) => ({ of: `backend ${name}`, command })),
		...notifications.flatMap((target) =>
			valuesOf(target).flatMap(({ kind, given: { value } }) =>
				kind === "line" && value !== null ? [{ of: `notification ${target.name}`, command: value }] : [],
			),
		),
	];
	return commands.flatMap(({ of, command }) => {
		const names = secretsInCommand(command);
		if (names.length === 0) return [];
		return warn(
			"config",
			`The command of the ${of} holds a secret (${names.join(", ")}): every user of this machine can see it in \`ps\`.`,
			"Take it out of the command and set it in the worker's environment: `export NAME=…`, then dispatch up --restart",
		);
	});
}

/** Replaces flags that their CLI has dropped; nothing else of the file changes. */
async function mendConfig(path: string, config: Config): Promise<Finding[]> {
	let changes: ConfigChange[] = [];
	await changeConfig(path, (text) => {
		changes = text === null ? [] : mendingOf(text, config);
		return text === null ? null : editConfig(text, changes);
	});
	return changes.map((change) =>
		fixed("config", `${change.path[1]}: its command is now \`${change.value}\`.`),
	);
}

function mendingOf(text: string, config: Config): ConfigChange[] {
	const document = readDocument(text);
	return Object.values(config.backends).flatMap(({ name }): ConfigChange[] => {
		const section = config.aliases[name]?.backend === name ? "agents" : "backends";
		const written: unknown = document.getIn([section, name, "command"]);
		const command = typeof written === "string" ? (droppedFlag(written)?.mended ?? null) : null;
		return command === null ? [] : [{ path: [section, name, "command"], value: command }];
	});
}
