/** A config with one backend, `fake`, a command. */
import { type Config, emptyConfig } from "../../src/config/config.ts";

export function fakeConfig(command: string): Config {
	const config = emptyConfig();
	config.backends.fake = { name: "fake", type: "command", command, modelFlag: false, permissions: null };
	return config;
}
