/** Who takes a model that no entry of the config gives to anybody, and what the CLIs themselves offer. */
import type { Environment } from "../backends/cli.ts";
import type { BackendConfig } from "../backends/contract.ts";
import { knownCli } from "../backends/known.ts";
import { makersCli } from "../backends/model-names.ts";
import { cliOf } from "../backends/started.ts";
import type { Config } from "./config.ts";

/** The maker's own CLI where it is configured, else the one for the models of all makers. */
export function backendFor(config: Config, name: string): BackendConfig | null {
	const maker = makersCli(name);
	const own = Object.values(config.backends).find(({ type }) => type === maker?.type);
	return own ?? gatewayOf(config);
}

/** The backend that takes the models of all makers; null: none is configured. */
export function gatewayOf(config: Config): BackendConfig | null {
	return Object.values(config.backends).find((backend) => isGateway(backend)) ?? null;
}

export function isGateway({ type }: BackendConfig): boolean {
	return knownCli(type)?.models.ofOthers === true;
}

/** Asks its CLI. @returns ids in lower case; null where it gives no list */
export async function offeredModels(
	{ type, command }: BackendConfig,
	env: Environment,
): Promise<string[] | null> {
	const started = cliOf(command);
	const program = started?.cli.type === type ? started.program : null;
	return (await knownCli(type)?.models.offered?.({ program, command }, env)) ?? null;
}
