/** What of a config is secret: values that are to be shown nowhere, variables that agents are not to have. */
import { valuesOf } from "../notify/read.ts";
import { isSecretName } from "../task/secret-name.ts";
import { rememberAddress, rememberSecret } from "../task/secrets.ts";
import { looksRandom, rememberCommand } from "../task/secrets-of-command.ts";
import type { Config } from "./config.ts";

/** Names of the variables that hold addresses and secrets of notifications; what `env:` gives to agents is theirs, too. */
export function secretVariables({ notifications, env }: Config): string[] {
	const values = notifications.flatMap((target) => valuesOf(target).map(({ given }) => given));
	const ofLines = values
		.flatMap(({ variables = [] }) => variables)
		.filter((name) => isSecretName(name) && !env.includes(name));
	return [...values.flatMap((value) => value.env ?? []), ...ofLines];
}

/** From now on they are shown by their names. @param env holds what `url_env` and `secret_env` name */
export function rememberConfig(config: Config, env: Readonly<Record<string, string | undefined>>): void {
	rememberAddress("redis.url", config.redisUrl);
	for (const { command } of Object.values(config.backends)) rememberCommand(command);
	for (const name of secretVariables(config)) rememberTarget(name, env[name]);
	for (const target of config.notifications)
		for (const { field, kind, given } of valuesOf(target)) {
			if (kind !== "line") rememberTarget(`${field} of ${target.name}`, given.value);
			else if (given.value !== null) rememberCommand(given.value);
		}
}

/** The whole value, and what is secret in it where it is an address: nobody who says that says the rest. */
function rememberTarget(name: string, value: string | null | undefined): void {
	rememberSecret(name, value);
	rememberAddress(name, value);
	if (!value?.includes("://")) return;
	for (const part of value.split(/[/?#]/).slice(3))
		if (looksRandom(part)) rememberSecret(`part of ${name}`, part);
}
