/** Of a target's address each credential is known by itself: an agent that read the config says it without the rest. */
import { expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { rememberConfig } from "../../src/config/secrets.ts";
import type { NotificationTarget } from "../../src/notify/targets/index.ts";
import { withoutSecrets } from "../../src/task/secrets.ts";

const ADDRESSES = [
	"http://ann:VALUE@h/x",
	"https://h/x?a=b&token=VALUE",
	"https://VALUE@h/x",
	"https://hooks.slack.com/services/T01/B02/VALUE",
	"https://discord.com/api/webhooks/12/VALUE",
];

test.each(
	ADDRESSES.flatMap((address, at) =>
		["in the file", "in a variable"].map((where, n) => [address, where, `plPlanted0001xx${at}${n}`]),
	),
)("of %s, %s, the secret is known by itself: %s", (address, where, value) => {
	const whole = address.replace("VALUE", value);
	const isInFile = where === "in the file";
	const url = isInFile ? { value: whole, env: null } : { value: null, env: "HOOK" };
	const target: NotificationTarget = { type: "slack", name: "s", on: ["failed"], values: { url } };
	rememberConfig({ ...emptyConfig(), notifications: [target] }, isInFile ? {} : { HOOK: whole });
	expect(withoutSecrets(`read <${value}>.`)).toMatch(/^read <\[[^\]]+\]>\.$/);
});
