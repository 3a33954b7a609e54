/** The first config of a user: what is on PATH, with the models that are offered there. */
import type { Environment } from "../backends/cli.ts";
import type { Config } from "./config.ts";
import { detectConfig } from "./detect.ts";
import { mentionedModel } from "./directive.ts";
import { backendFor, gatewayOf, offeredModels } from "./offered-models.ts";

/** So many of them are written down; the others are found when they are named. */
const MAX_LISTED = 40;

/**
 * As `detectConfig`, and asks the CLI that takes the models of all makers, where there is one. Models go to their
 * makers' CLIs where those are installed, all others to that one.
 */
export async function detectWithModels(env: Environment): Promise<Config> {
	const config = detectConfig(env);
	const gateway = gatewayOf(config);
	if (gateway === null) return config;
	const offered = (await offeredModels(gateway, env)) ?? [];
	for (const name of offered.filter((id) => /^[a-z0-9][\w.-]*$/.test(id)).slice(0, MAX_LISTED))
		config.models[name] ??= { backend: backendFor(config, name)?.name ?? gateway.name, id: null };
	return config;
}

/** The model that was asked for (`--model`, or a directive of the prompt) and that the config does not name. */
export function unknownName(config: Config, asked: { prompt: string; flag: string | null }): string | null {
	const backends = Object.keys(config.backends);
	const models = [...Object.keys(config.models), ...Object.keys(config.aliases)];
	const name = (asked.flag ?? mentionedModel(asked.prompt, { models, backends }))?.toLowerCase();
	if (name === undefined) return null;
	return [...models, ...backends].some((known) => known.toLowerCase() === name) ? null : name;
}

/** Writes a model that was found into the config file. @returns false without a file. @throws DISPATCH_BAD_FILE */
export async function addFoundModel(path: string, name: string, backend: string): Promise<boolean> {
	const [{ editConfig }, { changeConfig }] = await Promise.all([import("./edit.ts"), import("./change.ts")]);
	let isThere = false;
	await changeConfig(path, (text) => {
		isThere = text !== null;
		return text === null ? null : editConfig(text, [{ path: ["models", name], value: { backend } }]);
	});
	return isThere;
}
