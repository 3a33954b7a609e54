/** Reads the config file (docs/CONFIG.md); without one the agent CLIs on PATH give a config. */
import type { Environment } from "../backends/cli.ts";
import { DispatchError } from "../task/errors.ts";
import { buildConfig } from "./build.ts";
import type { Config } from "./config.ts";
import { detectConfig } from "./detect.ts";
import { RememberedConfig } from "./remembered.ts";
import { readConfigText } from "./save.ts";
import type { ConfigFile } from "./schema.ts";

export type { Config } from "./config.ts";

interface Source {
	path: string;
	/** searched for agent CLIs where there is no file, or where it names no backend */
	env: Environment;
}

/** @throws DISPATCH_CONFIG_INVALID naming file, line and key */
export async function loadConfig(source: Source): Promise<Config> {
	const text = readConfigText(source.path);
	const remembered = new RememberedConfig(source);
	if (text === null) {
		remembered.forget();
		return detectConfig(source.env);
	}
	const known = fromMemory(remembered, text, source);
	if (known !== null) return known;
	// zod and yaml are loaded only by those who have a file that nobody has read yet.
	const { parseFile } = await import("./parse.ts");
	const { file, config } = parseFile(text, source.path, source.env);
	remembered.keep(text, file);
	return config;
}

/** As it loaded last, for who goes on without the file as it is now. @returns null where that is not known */
export function lastConfig(source: Source): Config | null {
	return built(new RememberedConfig(source).last(), source);
}

/** @returns null where the file itself must be read: it is new, or what is wrong with it shall be told with its line */
function fromMemory(remembered: RememberedConfig, text: string, source: Source): Config | null {
	return built(remembered.recall(text), source);
}

function built(file: ConfigFile | null, source: Source): Config | null {
	if (file === null) return null;
	const refuse = (_keys: unknown, message: string) => new DispatchError("DISPATCH_CONFIG_INVALID", message);
	try {
		return buildConfig(file, { ...source, refuse });
	} catch {
		return null;
	}
}
