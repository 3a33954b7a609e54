/** A secret in a command line is hidden where the line is shown, and known by itself wherever somebody says it. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { rememberSecret, withoutSecrets } from "../../src/task/secrets.ts";
import { rememberCommand, shownArguments, shownCommand } from "../../src/task/secrets-of-command.ts";

/** Each holds `VALUE`, the secret; what stands around it is shown. */
const FORMS: [line: string, shown: string][] = [
	["cli -H 'Authorization: Bearer VALUE' x", "cli -H 'Authorization: ***' x"],
	["cli -H 'Authorization: Token VALUE' x", "cli -H 'Authorization: ***' x"],
	["cli -H Authorization:\\ Bearer\\ VALUE x", "cli -H Authorization:*** x"],
	['cli -H "Proxy-Authorization: Basic VALUE" x', 'cli -H "Proxy-Authorization: ***" x'],
	["cli -H X-Api-Key:VALUE --verbose -H 'Accept: a'", "cli -H X-Api-Key:*** --verbose -H 'Accept: a'"],
	["cli -H X-Api-Key:\\ VALUE --verbose", "cli -H X-Api-Key:*** --verbose"],
	["cli -HX-Api-Key:VALUE x", "cli -HX-Api-Key:*** x"],
	["cli -H'X-Api-Key: VALUE' x", "cli -H'X-Api-Key: ***' x"],
	["cli -H 'Cookie: sid=VALUE; lang=en' x", "cli -H 'Cookie: ***' x"],
	[`cli -H "X-Api-Key: it's VALUE" x`, 'cli -H "X-Api-Key: ***" x'],
	['sh -c "cli -H \\"X-Api-Key: VALUE\\" x"', 'sh -c "cli -H \\"X-Api-Key: ***\\" x"'],
	["sh -c 'cli -H X-Api-Key:VALUE x'", "sh -c 'cli -H X-Api-Key:*** x'"],
	["cli --header=X-Api-Key:VALUE x", "cli --header=X-Api-Key:*** x"],
	[`cli --data '{"api_key":"VALUE", "a":"b"}' x`, `cli --data '{"api_key":"***", "a":"b"}' x`],
	['cli --data "{\\"api_key\\": \\"VALUE\\"}" x', 'cli --data "{\\"api_key\\": \\"***\\"}" x'],
	["cli -u ann:VALUE x", "cli -u ann:*** x"],
	["cli --user 'ann:VALUE' x", "cli --user 'ann:***' x"],
	["cli --proxy-user=ann:VALUE x", "cli --proxy-user=ann:*** x"],
	["cli 'https://h/x?api_key=VALUE&a=b' x", "cli 'https://h/x?api_key=***&a=b' x"],
	["cli https://ann:VALUE@h/x x", "cli https://***@h/x x"],
	["cli --api-key='Bearer VALUE' x", "cli --api-key=*** x"],
	["A_KEY='Bearer VALUE' cli x", "A_KEY=*** cli x"],
];

test.each(FORMS)("%s is shown as %s", (form, shown) =>
	expect(shownCommand(form.replace("VALUE", "plAnted"))).toBe(shown),
);

test("the words of a program that runs are shown without secrets, whichever of these lines it was started by", () => {
	const lines = FORMS.map(([form]) => form.replace("VALUE", "plAnted").replace("sh -c", "cli -c"));
	// What a shell makes of each line, as the system tells it.
	const script = ["cli() { printf '%s\\0' cli \"$@\"; echo; }", ...lines].join("\n");
	const said = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0\n").slice(0, -1);
	expect(said.filter((each) => each.includes("plAnted"))).toHaveLength(FORMS.length - 1);
	const shown = said.map((words) => shownArguments(words.split("\0"), 100));
	expect(shown.filter((each) => each.includes("plAnted"))).toEqual([]);
	expect(shown[0]).toBe("cli -H 'Authorization: ***' x");
});

test("of the words of a program secrets are taken out before they are cut", () => {
	const secret = "plCutInHalf0123456789".repeat(3);
	rememberSecret("A_KEY", secret);
	const split = `${secret.slice(0, 9)}\u001b[1m${secret.slice(9)}`;
	for (const limit of [10, 20, 40, 60, secret.length])
		for (const word of [secret, split, `a '${secret}`])
			expect(shownArguments(["\u001b]0;x\u0007c\nli", word], limit)).not.toContain("plCut");
	expect(shownArguments(["\u001b]0;x\u0007cli", "a b", "x".repeat(100)], 20)).toBe("cli 'a b' xxxxxxxxx…");
});

test.each(FORMS.map(([form], at) => [form, `plPlanted${String.fromCharCode(97 + at)}`]))(
	"of %s the secret is known by itself: %s",
	(form, value) => {
		rememberCommand(form.replace("VALUE", value));
		expect(withoutSecrets(`401 for the key <${value}>.`)).toMatch(/^401 for the key <\[[^\]]+\]>\.$/);
	},
);

test.each(["docker run -u 1000:1000 img", "env -u A_NAME cli", "cli -H 'Accept: text/plain'"])(
	"%s holds none",
	(line) => expect(shownCommand(line)).toBe(line),
);

test("a passphrase is no secret word by word", () => {
	rememberCommand("cli --passphrase 'elephants remember' x");
	expect(withoutSecrets("elephants or elephants remember")).toBe("elephants or [--passphrase]");
});
