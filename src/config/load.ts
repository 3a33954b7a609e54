/** Reads the config file (docs/CONFIG.md); without one the agent CLIs on PATH give a config. */
import type { Config } from "./config.ts";
import { detectConfig, type Environment } from "./detect.ts";
import { readConfigText } from "./save.ts";

export type { BackendConfig, Config } from "./config.ts";

/**
 * @param source `env` is searched for agent CLIs where there is no file, or where it names no backend
 * @throws DISPATCH_CONFIG_INVALID naming file, line and key
 */
export async function loadConfig(source: { path: string; env: Environment }): Promise<Config> {
	const text = readConfigText(source.path);
	if (text === null) return detectConfig(source.env);
	// zod and yaml are loaded only by those who have a file.
	const { parseConfig } = await import("./parse.ts");
	return parseConfig(text, source.path, source.env);
}
