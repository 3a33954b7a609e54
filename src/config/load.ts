/** Reads the config file (docs/CONFIG.md); without one the agent CLIs on PATH give a config. */
import { readFileSync } from "node:fs";
import { DispatchError } from "../task/errors.ts";
import type { Config } from "./config.ts";
import { detectConfig, type Environment } from "./detect.ts";

export type { BackendConfig, Config } from "./config.ts";

/**
 * @param source `env` is searched for agent CLIs where there is no file, or where it names no backend
 * @throws DISPATCH_CONFIG_INVALID naming file, line and key
 */
export async function loadConfig(source: { path: string; env: Environment }): Promise<Config> {
	let text: string;
	try {
		text = readFileSync(source.path, "utf8");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT") return detectConfig(source.env);
		throw new DispatchError(
			"DISPATCH_CONFIG_INVALID",
			`The config ${source.path} cannot be read: ${whyUnreadable(code)}.`,
			{
				hint: "DISPATCH_CONFIG names another file.",
				cause: error,
			},
		);
	}
	// zod and yaml are loaded only by those who have a file.
	const { parseConfig } = await import("./parse.ts");
	return parseConfig(text, source.path, source.env);
}

function whyUnreadable(code: string | undefined): string {
	if (code === "EISDIR") return "it is a directory";
	if (code === "EACCES" || code === "EPERM") return "you may not read it";
	if (code === "ENOTDIR") return "a part of its path is a file";
	return code ?? "unknown fault";
}
