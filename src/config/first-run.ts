/** The first config of a user: what is on PATH, with the models that Cursor's CLI offers. */
import type { Config } from "./config.ts";
import { cursorModels } from "./cursor-models.ts";
import { cliOf, detectConfig, type Environment } from "./detect.ts";
import { mentionedModel } from "./directive.ts";
import { makerOf } from "./model-names.ts";
import { readConfigText, replaceConfig } from "./save.ts";

/** So many of Cursor's models are written down; the others are found when they are named. */
const MAX_LISTED = 40;

/**
 * As `detectConfig`, and asks Cursor's CLI for its models where there is one. Claude's and OpenAI's models
 * go to their makers' CLIs where those are installed, all others to Cursor.
 */
export async function detectWithModels(env: Environment): Promise<Config> {
	const config = detectConfig(env);
	const cursor = config.backends.cursor;
	if (cursor === undefined) return config;
	const offered = (await cursorModels(cliOf(cursor.command)?.program ?? "agent", env)) ?? [];
	for (const name of offered.filter((id) => /^[a-z0-9][\w.-]*$/.test(id)).slice(0, MAX_LISTED)) {
		const maker = makerOf(name) === "openai" ? "codex" : makerOf(name);
		const own = config.backends[maker]?.name ?? "cursor";
		config.models[name] ??= { backend: own, id: null };
	}
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
	const text = readConfigText(path);
	if (text === null) return false;
	const { editConfig } = await import("./edit.ts");
	replaceConfig(path, editConfig(text, [{ path: ["models", name], value: { backend } }]));
	return true;
}
