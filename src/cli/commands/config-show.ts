import { configPath } from "../../config/home.ts";
import { loadConfig } from "../../config/load.ts";
import { readConfigText } from "../../config/save.ts";
import { rememberConfig } from "../../config/secrets.ts";
import { effectiveSettings, type Setting } from "../../config/sources.ts";
import { shownAddress } from "../../task/address.ts";
import { rememberEnvironment } from "../../task/secrets.ts";
import { givenAddress } from "../context.ts";
import { plain } from "../show/output.ts";
import type { ConfigCommand } from "./config.ts";

/** The config in force, each setting with where it came from. */
export async function showConfig(
	{ output, env }: ConfigCommand,
	redis: string | undefined,
): Promise<undefined> {
	const path = configPath(env);
	const config = await loadConfig({ path, env });
	rememberEnvironment(env);
	rememberConfig(config, env);
	const settings = [
		...effectiveSettings(config, readConfigText(path)),
		redisSetting(redis, env, config.redisUrl),
		namespaceSetting(env.DISPATCH_NAMESPACE, config.namespace),
	];
	const head = config.path === null ? `${path} does not exist; in force is:` : `${path}:`;
	const lines = settings.map(({ key, value, from }) => `  ${plain(`${key}: ${value ?? "none"}`)}  (${from})`);
	const byKey = Object.fromEntries(settings.map(({ key, value, from }) => [key, { value, from }]));
	output.result({ path, exists: config.path !== null, older: config.older, settings: byKey }, [
		head,
		...lines,
	]);
	for (const notice of config.notices) output.note(notice);
}

function redisSetting(
	flag: string | undefined,
	env: ConfigCommand["env"],
	configured: string | null,
): Setting {
	const given = givenAddress(flag, env, configured);
	const url = given?.url ?? null;
	return {
		key: "redis.url",
		value: url === null ? "a local server of dispatch's own" : shownAddress({ url }),
		from: given === null ? "default" : given.from.replace("redis.url in the config", "the file"),
	};
}

function namespaceSetting(variable: string | undefined, configured: string | null): Setting {
	if (variable) return { key: "namespace", value: variable, from: "DISPATCH_NAMESPACE" };
	return {
		key: "namespace",
		value: configured ?? "default",
		from: configured === null ? "default" : "the file",
	};
}
