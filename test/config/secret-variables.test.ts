/** What notifications are given of the environment is no agent's, unless the config gives it to agents, too. */
import { expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { secretVariables } from "../../src/config/secrets.ts";
import type { NotificationTarget } from "../../src/notify/targets/index.ts";

const target = (type: NotificationTarget["type"], values: NotificationTarget["values"]) =>
	({ type, name: type, on: ["failed"], values }) as NotificationTarget;
const none = { value: null, env: null };

const NOTIFICATIONS = [
	target("webhook", { url: { ...none, env: "HOOK" }, secret: { ...none, env: "HOOK_SECRET" } }),
	target("slack", { url: { ...none, value: "https://h/x" } }),
	target("command", {
		command: { ...none, value: "page" },
		env: { ...none, variables: ["PAGER_TOKEN", "PAGER_TEAM", "GH_TOKEN", "HOME"] },
	}),
];

test.each([
	[[], ["HOOK", "HOOK_SECRET", "PAGER_TOKEN", "GH_TOKEN"]],
	[["GH_TOKEN"], ["HOOK", "HOOK_SECRET", "PAGER_TOKEN"]],
	[
		["HOOK", "PAGER_TEAM"],
		["HOOK", "HOOK_SECRET", "PAGER_TOKEN", "GH_TOKEN"],
	],
])("beside `env: %j` agents do not get %j", (env, hidden) => {
	const config = { ...emptyConfig(), env, notifications: NOTIFICATIONS };
	expect(secretVariables(config)).toEqual(hidden);
});
