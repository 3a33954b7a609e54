/** What of a config is secret: values that are to be shown nowhere, variables that agents are not to have. */
import { rememberAddress, rememberCommand, rememberSecret } from "../task/secrets.ts";
import type { Config } from "./config.ts";

/** Names of the variables that hold addresses and secrets of notifications. */
export function secretVariables({ notifications }: Config): string[] {
	return notifications.flatMap((target) =>
		["url" in target ? target.url.env : null, target.type === "webhook" ? target.secret.env : null].filter(
			(name) => name !== null,
		),
	);
}

/** From now on they are shown by their names. @param env holds what `url_env` and `secret_env` name */
export function rememberConfig(config: Config, env: Readonly<Record<string, string | undefined>>): void {
	rememberAddress("redis.url", config.redisUrl);
	for (const { command } of Object.values(config.backends)) rememberCommand(command);
	for (const name of secretVariables(config)) rememberSecret(name, env[name]);
	for (const target of config.notifications) {
		if ("url" in target) rememberSecret(`url of ${target.name}`, target.url.value);
		if (target.type === "webhook") rememberSecret(`secret of ${target.name}`, target.secret.value);
		if (target.type === "command") rememberCommand(target.command);
	}
}
