/** `notifications:` of the config, with names and the values of the environment's sort. */
import type { NotificationTarget, Secret } from "../task/notification.ts";
import { USUAL_EVENTS } from "../task/notification.ts";
import type { ConfigFile } from "./schema.ts";

type Entry = NonNullable<ConfigFile["notifications"]>[number];

/** @param refuse says no at an entry and its key */
export function targetsOf(
	entries: readonly Entry[],
	refuse: (at: number, key: string | null, message: string) => Error,
): NotificationTarget[] {
	const names = new Set<string>();
	return entries.map((entry, at) => {
		const name = entry.name ?? `${entry.type}-${at + 1}`;
		if (names.has(name)) throw refuse(at, "name", `"${name}" is the name of an earlier entry`);
		names.add(name);
		const common = { name, on: entry.on ?? USUAL_EVENTS };
		if (entry.type === "bell") return { ...common, type: "bell" };
		if (entry.type === "command") return { ...common, type: "command", command: entry.command };
		if (entry.url === undefined && entry.url_env === undefined)
			throw refuse(at, null, "Expected url: or url_env:, got neither");
		const url = secret(entry.url, entry.url_env);
		if (entry.type === "slack") return { ...common, type: "slack", url };
		return { ...common, type: "webhook", url, secret: secret(entry.secret, entry.secret_env) };
	});
}

function secret(value: string | undefined, env: string | undefined): Secret {
	return { value: value ?? null, env: env ?? null };
}
