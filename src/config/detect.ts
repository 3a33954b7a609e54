/** Which agent CLIs are on PATH, and the config that they give. */
import type { Environment } from "../backends/cli.ts";
import { KNOWN_CLIS, type KnownCli } from "../backends/known.ts";
import { which } from "../process/which.ts";
import { type Config, emptyConfig } from "./config.ts";

/** The shell line that dispatch uses where the user gave none. */
export function defaultCommand(cli: KnownCli, program: string = cli.programs[0]): string {
	return `${cli.prefix}${program} ${cli.flags}`;
}

/** A config of the CLIs that this PATH finds; without any it has no backend. Starts nothing. */
export function detectConfig(env: Environment): Config {
	const config = emptyConfig();
	for (const cli of KNOWN_CLIS) {
		const program = cli.programs.find((name) => which(name, env.PATH) !== null);
		if (program === undefined) continue;
		const command = defaultCommand(cli, program);
		config.backends[cli.type] = {
			name: cli.type,
			type: cli.type,
			command,
			modelFlag: true,
			permissions: null,
		};
		for (const model of cli.models.usual) config.models[model] = { backend: cli.type, id: null };
		config.default ??= cli.models.usual[0] ?? cli.type;
	}
	return config;
}
