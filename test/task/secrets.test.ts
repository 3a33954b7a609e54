import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSecretName } from "../../src/task/secret-name.ts";
import {
	documentWithoutSecrets,
	rememberAddress,
	rememberEnvironment,
	rememberSecret,
	showOnPurpose,
	valueWithoutSecrets,
	withoutSecrets,
} from "../../src/task/secrets.ts";
import {
	rememberCommand,
	secretsInCommand,
	shownCommand,
	withoutAssignedSecrets,
} from "../../src/task/secrets-of-command.ts";

test.each([
	..."API_KEY ANTHROPIC_API_KEY GITHUB_TOKEN AWS_SECRET_ACCESS_KEY DB_PASSWORD PGPASSWORD MYSQL_PWD SLACK_WEBHOOK".split(
		" ",
	),
	..."SLACK_WEBHOOK_URL HOOK_SECRET SENTRY_DSN token password api-key access_token client-secret auth-token KEY".split(
		" ",
	),
	..."SECRET_KEY_BASE REDISCLI_AUTH API_KEY_2 ANTHROPIC_API_KEY_PROD TOKEN_GITHUB AZURE_STORAGE_CONNECTION_STRING".split(
		" ",
	),
	..."accessToken apiKeyProd client.secret DB_PASSWORD_OLD VAULT_SECRET_ID_OLD PRIVATE_KEY_PEM JWT_SECRET_V2".split(
		" ",
	),
	..."GOOGLE_APPLICATION_CREDENTIALS_JSON DOCKER_AUTH_CONFIG KUBECONFIG_DATA KUBE_CONFIG_B64 GCP_SERVICE_ACCOUNT_JSON".split(
		" ",
	),
	..."API_KEY2 TOKEN2 PASSWORD1 apiKey2 SECRET_V2 CREDENTIALS_2_JSON DBPASS SMTPPASS SSHPASS DBPASS2 DBPWD".split(
		" ",
	),
	..."CREDS AWS_CREDS dbCreds TLS_KEY_PEM KEY_PEM SERVER_PEM JWT SESSION_JWT AUTHORIZATION BASIC_AUTH_HEADER".split(
		" ",
	),
	..."PROXY_AUTHORIZATION PASSKEY PASSCODE DEPLOYKEY SSHKEY PRIVATEKEY_BASE64".split(" "),
	..."CLAUDE_CODE_OAUTH_TOKEN NPM_TOKEN SSH_PRIVATE_KEY apikey GH_PAT passphrase secret".split(" "),
])("%s names a secret", (name) => expect(isSecretName(name)).toBe(true));

test.each([
	..."PATH HOME SSH_AUTH_SOCK PWD CLAUDE_CODE_MAX_OUTPUT_TOKENS LANG model max-tokens KEYBOARD MONKEY_BUSINESS".split(
		" ",
	),
	..."TOKEN_LIMIT PASSWORD_FILE TOKEN_URL keyboardLayout MAX_TOKENS_PER_MINUTE AUTHOR GIT_AUTHOR_NAME".split(
		" ",
	),
	..."TOKENIZERS_PARALLELISM AWS_WEB_IDENTITY_TOKEN_FILE MAX_TOKENS_2".split(" "),
	..."MONKEY MONKEY2 HOTKEY TURKEY COMPASS BYPASS TRESPASS ENCOMPASS NO_BYPASS COMPASS_V2 GIT_ASKPASS SSH_ASKPASS".split(
		" ",
	),
	..."AUTHOR_JSON AUTHORITY AUTHORIZATION_URL KEYMAP KEYBOARD2 KUBECONFIG OLDPWD DOCKER_CONFIG NODE_CONFIG APP_DATA".split(
		" ",
	),
	..."SERVICE_ACCOUNT SACRED PATTERN EXPAT HTTP2 OAUTH2 LOG_FORMAT_JSON CONTENT_HEADER JWT_ISSUER PEMBROKE".split(
		" ",
	),
])("%s names none", (name) => expect(isSecretName(name)).toBe(false));

/** Each holds `S3cr3t/Value@9`, or its encoded form, in a place of its own. */
test.each([
	"redis://:S3cr3t/Value@9@host:6379",
	"rediss//u:S3cr3t@h is not one, rediss://u:S3cr3t/Value@9@h is",
	"connect ECONNREFUSED amqp://me:S3cr3t%2FValue%409@mq/vhost",
	"https://bob:S3cr3t@hooks.example.com/x",
	"https://S3cr3t-very-long-token@git.example.com/x.git",
	"redis://host?password=S3cr3tValue&db=2",
	"GET https://example.com/cb?state=1&access_token=S3cr3tValue#x",
	"authorization: Bearer S3cr3tValueThatIsLong.1",
	"https://hooks.slack.com/services/T00/B00/S3cr3t",
	"found sk-ant-api03-S3cr3tS3cr3tS3cr3t in .env",
	String.raw`{"a":"{\"b\":\"x\\\\nsk-ant-api03-S3cr3tS3cr3tS3cr3t\"}"}`,
	"ghp_S3cr3tS3cr3tS3cr3tS3cr3t",
	"xapp-1-A0S3cr3tS3cr3t",
	...["sk_live_", "rk_test_", "whsec_", "hf_", "dop_v1_", "shpat_"].map(
		(head) => `${head}S3cr3tS3cr3tS3cr3tS3cr3t`,
	),
	"Cookie: session=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.S3cr3tS3cr3t-_x",
	"https://discord.com/api/webhooks/123/S3cr3t-S3cr3t",
])("by its form: %s", (text) => {
	expect(withoutSecrets("ASIAQWERTYUIOPASDFGH")).toBe("***");
	expect(withoutSecrets(text).replace("rediss//u:S3cr3t@h is not one", "")).not.toContain("S3cr3t");
});

test.each([
	"see https://www.npmjs.com/package/@types/node and https://example.com/a?page=2#key",
	"git clone ssh://git@github.com/a/b, mail ann@example.com",
	"Basic authentication with a Bearer token; redis://localhost:6379/0",
	"user@host:~/src$ echo key=value",
	"redis://user:password@host:6379/0 or rediss://[user:password@]host",
])("left alone: %s", (text) => expect(withoutSecrets(text)).toBe(text));

test("a command keeps the names of what it hides", () => {
	const line = `env -u X FOO=1 OPENAI_API_KEY=abc-def IS_SANDBOX=1 MY_KEY='two words' cli --api-key zzz --token=yyy --model opus -C "$(pwd)"`;
	expect(shownCommand(line)).toBe(
		`env -u X FOO=1 OPENAI_API_KEY=*** IS_SANDBOX=1 MY_KEY=*** cli --api-key *** --token=*** --model opus -C "$(pwd)"`,
	);
	rememberCommand(line.replace("abc-def", "remembered-1"));
	expect(withoutSecrets("said remembered-1 and two words")).toBe("said [OPENAI_API_KEY] and [MY_KEY]");
});

test.each([
	["sh -c 'A_KEY=hidden-1 agent'", "sh -c 'A_KEY=*** agent'"],
	["sh -c 'A_KEY=hidden-1' 'more'", "sh -c 'A_KEY=***'"],
	[`A_KEY="hidden-1 b" B_KEY=hidden-1"b"c agent`, "A_KEY=*** B_KEY=*** agent"],
	["A_KEY=a\\ hidden-1 agent", "A_KEY=*** agent"],
	["LICENCE=hidden1hidden1hi agent", "LICENCE=*** agent"],
	["my-cli --api-key hidden-1 --model opus", "my-cli --api-key *** --model opus"],
	["my-cli --api-key  'hidden-1 b' x", "my-cli --api-key  *** x"],
	["my-cli --secret OTHER_KEY=hidden-1 x", "my-cli --secret *** x"],
	["my-cli --secret= x", "my-cli --secret= x"],
	["my-cli --password", "my-cli --password"],
	["my-cli -H 'X-Api-Key: hidden-1' x", "my-cli -H 'X-Api-Key: ***' x"],
	['my-cli -H "Authorization: token hidden-1 b" x', 'my-cli -H "Authorization: ***" x'],
	[
		"my-cli -H 'Cookie:hidden-1=b; c' -H 'Accept: text/plain'",
		"my-cli -H 'Cookie:***' -H 'Accept: text/plain'",
	],
])("%s is shown as %s", (line, shown) => expect(shownCommand(line)).toBe(shown));

test("of a command in a command line the value is remembered without the quote behind it", () => {
	rememberCommand("sh -c 'INNER_KEY=inner-value-1' 'more'");
	expect(withoutSecrets("said inner-value-1.")).toBe("said [INNER_KEY].");
});

const BODY = [..."abc"].map((letter) => `MC4CAQAwS3cr3t${letter.repeat(50)}`);

test.each([
	["PRIVATE KEY", ""],
	["RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n"],
	["OPENSSH PRIVATE KEY", ""],
	["PGP PRIVATE KEY BLOCK", "Version: 1\n\n"],
])("a block of a %s is known by its form, whole or cut, in whatever it stands", (kind, head) => {
	const block = `-----BEGIN ${kind}-----\n${head}${BODY.join("\n")}\n=S3cr3t\n-----END ${kind}-----`;
	const whole = withoutSecrets(`It is:\n${block}\nSo it is.`);
	expect(whole).toBe(`It is:\n-----BEGIN ${kind}-----\n${head}***\n-----END ${kind}-----\nSo it is.`);
	for (const text of [block.slice(0, -40), block.replaceAll("\n", "\r\n"), block.replaceAll("\n", "\n    ")])
		expect(withoutSecrets(text)).not.toContain("S3cr3tbbb");
	const [told] = JSON.parse(withoutSecrets(JSON.stringify([`It is:\n${block}\nSo it is.`]))) as [string];
	expect(told).toBe(whole);
	const words = `Put what stands between -----BEGIN ${kind}----- and its end into the file.`;
	expect(withoutSecrets(words)).toBe(words);
});

test("any number of beginnings of such blocks takes no longer than their length", () => {
	const begin = "-----BEGIN RSA PRIVATE KEY-----\n";
	for (const text of [
		begin.repeat(20_000),
		`${begin}${"a: b\n".repeat(100_000)}`,
		"-----BEGIN A B C ".repeat(40_000),
	])
		expect(withoutSecrets(text)).toBe(text);
});

test("of a key of several lines each line is hidden, however they are read", () => {
	const lines = ["MC4CAQAwBQYDK2VwBCIEIJ1", "bGUta2V5LW9mLXR3by1saW5lcw=="];
	const key = ["-----BEGIN PRIVATE KEY-----", ...lines, "short", "-----END PRIVATE KEY-----", ""];
	for (const end of ["\n", "\r\n"]) {
		rememberEnvironment({ DEPLOY_PRIVATE_KEY: key.join(end) });
		expect(withoutSecrets(key.join(end))).toBe("[DEPLOY_PRIVATE_KEY]");
	}
	for (const line of lines) expect(withoutSecrets(`> ${line} <`)).toBe("> [DEPLOY_PRIVATE_KEY] <");
	for (const line of ["short", key[0] ?? ""]) expect(withoutSecrets(line)).toBe(line);
	rememberEnvironment({ ONE_TOKEN: "one-line-1\n" });
	expect(withoutSecrets("said one-line-1.")).toBe("said [ONE_TOKEN].");
});

test("by its value, in every spelling", () => {
	rememberAddress("redis.url", "redis://:p%40ss%2Fword@host");
	rememberSecret("QUOTED", 'with"quote\\7');
	const named = "[password of redis.url]";
	expect(withoutSecrets("WRONGPASS p@ss/word p%40ss%2Fword")).toBe(`WRONGPASS ${named} ${named}`);
	expect(withoutSecrets(JSON.stringify({ a: 'with"quote\\7' }))).toBe('{"a":"[QUOTED]"}');
});

test("of two that begin alike the longer one is named, whole", () => {
	rememberSecret("SHORT_KEY", "planted-alike");
	rememberSecret("LONG_KEY", "planted-alike-and-longer");
	expect(withoutSecrets("planted-alike-and-longer, planted-alike")).toBe("[LONG_KEY], [SHORT_KEY]");
});

test("as it stands in an address", () => {
	rememberSecret("OF_A_QUERY", "planted query/of it");
	expect(withoutSecrets("GET /x/planted%20query%2Fof%20it")).toBe("GET /x/[OF_A_QUERY]");
});

test("from the environment a short word is none", () => {
	rememberEnvironment({ MY_TOKEN: "seven-7", OTHER_TOKEN: "eight-88", MY_EDITOR: "editor-99" });
	expect(withoutSecrets("seven-7 eight-88 editor-99")).toBe("seven-7 [OTHER_TOKEN] editor-99");
});

const SPLIT = "sp1it-value/x";

/** Each reads as `SPLIT` to a person, or to a program. */
test.each([
	["a colour", "a sp1it\x1b[31m-value/x b", "a [SPLIT] b"],
	["a title", "sp1it\x1b]0;t\x07-value/x", "[SPLIT]"],
	["controls", "sp\x001it\r-val\x7fue/x", "[SPLIT]"],
	["what nobody sees", "sp1it\u200b-va\u00adlue/\u2060x", "[SPLIT]"],
	["escapes of JSON", '{"a":"sp1it-value\\/x"}', '{"a":"[SPLIT]"}'],
	["codes of JSON", '{"a":"\\u0073p1it\\u002dvalue/x"}', '{"a":"[SPLIT]"}'],
	["JSON in JSON", '"{\\"a\\":\\"\\\\u0073p1it-value\\\\/x\\"}"', '"{\\"a\\":\\"[SPLIT]\\"}"'],
	["a new line of JSON before it", '{"a":"b\\nghp_S3cr3tS3cr3tS3cr3tS3cr3t"}', '{"a":"b\\n***"}'],
	["and a mark that is escaped", "\\u2503 sp1it-\u200bvalue/x \\u001b[1m", "\\u2503 [SPLIT] \\u001b[1m"],
	["a colour in JSON", '{"a":"sp1it\\u001b[31m-value/x"}', '{"a":"[SPLIT]"}'],
	["a token that names itself", "gh\x1b[1mp_S3cr3tS3cr3tS3cr3tS3cr3t", "***"],
	["an address", "redis://u:s3\x1b[0mcr3t@h", "redis://***@h"],
])("split by %s", (_what, text, shown) => {
	rememberSecret("SPLIT", SPLIT);
	expect(withoutSecrets(text)).toBe(shown);
	expect(JSON.parse(JSON.stringify(valueWithoutSecrets({ text })))).toEqual({ text: shown });
	const document = documentWithoutSecrets(JSON.stringify({ text }));
	expect(JSON.parse(document)).toEqual({ text: shown });
});

test("no character that nobody sees splits a secret", () => {
	const unseen = Array.from({ length: 0x110000 }, (_, code) => code)
		.filter((code) => code < 0xd800 || code > 0xdfff)
		.map((code) => String.fromCodePoint(code))
		.filter((character) => /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u.test(character));
	expect(unseen.length).toBeGreaterThan(4_000);
	const shown = withoutSecrets(unseen.map((each) => `gh${each}p_S3cr3tS3cr3t${each}S3cr3tS3cr3t`).join("\n"));
	expect(new Set(shown.split("\n"))).toEqual(new Set(["***"]));
});

/** Parts of secrets, what splits and escapes them, and what dispatch's own lines are made of. */
const PARTS = fc.constantFrom(
	...["ghp_", "S3cr3tS3cr3tS3cr3tS3cr3t", "sp1it-", "value/x", "?token=", "redis://u:", "@h ", "Bearer "],
	...[
		"\u200b",
		"\u2800",
		"\x1b[1m",
		"\x1b]0;t\x07",
		"\r",
		"\n",
		"\\n",
		"\\u0067hp_",
		"\\u001b[1m",
		"\\u2503 ",
	],
	...["\\", '"', '\\"', '\\\\"', "\\/", "┃ ", " ", "word", "Answered by you: "],
);

test("nothing but secrets is changed: what is left stands in the text as it was, in its order", () => {
	rememberSecret("SPLIT", SPLIT);
	fc.assert(
		fc.property(fc.array(PARTS, { maxLength: 30 }), (parts) => {
			const text = parts.join("");
			const shown = withoutSecrets(text);
			let rest = text;
			for (const kept of shown.split(/\*\*\*|\[SPLIT\]/)) {
				const at = rest.indexOf(kept);
				if (at < 0) return false;
				rest = rest.slice(at + kept.length);
			}
			return true;
		}),
		{ numRuns: 2_000 },
	);
	expect(withoutSecrets("ghp_S3cr3tS3cr3tS3cr3tS3cr3t")).toBe("***");
});

test("without a secret in it, what is escaped stays as it is", () => {
	const text = '\x1b[31mred\x1b[0m {"a":"b\\/c\\u0041\\n","d":"C:\\\\new"}\u200b';
	expect(withoutSecrets(text)).toBe(text);
});

test("the link of `dispatch web` is there to be shown", () => {
	const link = "http://127.0.0.1:8080/?token=abcdefghijklmnop";
	expect(withoutSecrets(link)).not.toBe(link);
	showOnPurpose(link);
	expect(withoutSecrets(link)).toBe(link);
});

test("a JSON value stays one whatever its texts are", () => {
	rememberSecret("N", "n12345");
	fc.assert(
		fc.property(fc.jsonValue(), fc.string(), (value, text) => {
			const given = { value, texts: [text, `x?token=${text}"\\`, "\n12345", 'a\\"@https://u:p@h'] };
			expect(() => JSON.stringify(valueWithoutSecrets(given))).not.toThrow();
			expect(valueWithoutSecrets(given).texts).toHaveLength(4);
		}),
	);
});

test.each([
	["env ANTHROPIC_API_KEY=sk-1234 claude", []],
	["timeout 1h env ANTHROPIC_API_KEY=sk-1234 claude", ["ANTHROPIC_API_KEY"]],
	["cli --api-key abcdef --model x", ["--api-key"]],
	["my-cli --api-key abcdef", ["--api-key"]],
	["/opt/x.y-z/my.cli-2 --token=abcdef", ["--token"]],
	["sh -c 'my-cli --api-key abcdef'", ["--api-key"]],
	["cli --no-color --api-key abcdef", ["--api-key"]],
	["sh -c 'A_KEY=abcdef agent'", ["A_KEY"]],
	[`sh -c "A_KEY=abcdef agent"`, ["A_KEY"]],
	["(A_KEY=abcdef agent)", ["A_KEY"]],
	["cli --verbose --quiet --api-key abcdef", ["--api-key"]],
	[`env -i MY_TOKEN="a b" OTHER_SECRET='c' cli`, ["MY_TOKEN", "OTHER_SECRET"]],
	["env KEY=$MY_KEY cli", []],
	// Filled in by the shell, it is the program's argument as long as that runs.
	["env KEY=$MY_KEY cli --password $(pass show x)", ["--password"]],
	['env KEY="$MY_KEY" cli --password "$(pass show x)"', ["--password"]],
	["cli --api-key $MY_KEY", ["--api-key"]],
	['A_KEY=k cli "$A_KEY"', ["A_KEY"]],
	["env -u A_KEY A_KEY=k cli", ["A_KEY"]],
	["env -u LANG A_KEY=k cli", []],
	[`A_KEY=k sh -c 'cli "$A_KEY"'`, ["A_KEY"]],
	[`A_KEY=k sh -c 'cli "\${A_KEY:-x}"'`, ["A_KEY"]],
	["A_KEY=k cli $A_KEYS $OTHER", []],
	["IS_SANDBOX=1 LANG=C claude --model opus", []],
])("secrets that `ps` shows of %s", (line, names) => expect(secretsInCommand(line)).toEqual(names));

test.each([
	["env A_KEY=k claude -p", "env claude -p", { A_KEY: "k" }],
	["A_KEY=k claude -p", "claude -p", { A_KEY: "k" }],
	[`  A_KEY="k k" LANG=C B_TOKEN='t$t' claude`, "  LANG=C claude", { A_KEY: "k k", B_TOKEN: "t$t" }],
	["LANG=C A_KEY=k sh -c 'echo $A_KEY' | tee log", "LANG=C sh -c 'echo $A_KEY' | tee log", { A_KEY: "k" }],
	["A_KEY=k OF_SHELL=$X B_KEY=l claude", "OF_SHELL=$X B_KEY=l claude", { A_KEY: "k" }],
	["env -u LANG --unset=LC_ALL A_KEY=k claude", "env -u LANG --unset=LC_ALL claude", { A_KEY: "k" }],
	["env -- A_KEY=k claude", "env -- claude", { A_KEY: "k" }],
	["A_KEY=k cli $A_KEYS", "cli $A_KEYS", { A_KEY: "k" }],
])("%s runs as %s", (line, without, env) =>
	expect(withoutAssignedSecrets(line)).toEqual({ line: without, env }),
);

test.each([
	"A_KEY=k; export A_KEY; claude",
	"A_KEY=k && claude",
	"A_KEY=k && export A_KEY",
	"A_KEY=k  && claude",
	"A_KEY=k",
	"env A_KEY=k ",
	"A_KEY=k\nclaude",
	'A_KEY="$(pass show x)" claude',
	"A_KEY=`pass` claude",
	"A_KEY=$K claude",
	'A_KEY=a"b" claude',
	"export A_KEY=k; claude",
	"IS_SANDBOX=1 HOME=/srv/ann claude",
	"claude A_KEY=k",
	// Its own shell fills in what stood there before: with the secret for the whole line, `ps` would show that.
	'A_KEY=k cli "$A_KEY"',
	`A_KEY=k cli \${A_KEY:-none}`,
	"A_KEY=k cli; other $A_KEY",
	`A_KEY=k cli "it's $A_KEY, it's"`,
	"env -u A_KEY A_KEY=k cli",
	"env -i A_KEY=k cli",
])("%s runs as it stands", (line) => expect(withoutAssignedSecrets(line)).toEqual({ line, env: {} }));

const ENV_WORDS = ["-u A_KEY", "-u LANG", "--unset=B_TOKEN", "--"];
const ASSIGNED = ["A_KEY=k1", "B_TOKEN=k2", "LANG=C", "C_KEY=$A_KEY"];
const SAYS = "sh -c 'echo in:$A_KEY:$B_TOKEN:$C_KEY:$LANG'";
const TAILS = [
	"",
	' "$A_KEY"',
	"; echo out:$A_KEY",
	` | cat; echo \${B_TOKEN}`,
	" && echo '$A_KEY'",
	" x$A_KEYS",
];

test("a line does and says the same without its secrets", () => {
	fc.assert(
		fc.property(
			fc.option(fc.subarray(ENV_WORDS)),
			fc.subarray(ASSIGNED),
			fc.constantFrom(...TAILS),
			(words, assigned, tail) => {
				const begin = words === null ? [] : ["env", ...words];
				const given = [...begin, ...assigned, SAYS].join(" ") + tail;
				const { line, env } = withoutAssignedSecrets(given);
				const said = (text: string, more: Record<string, string>) => {
					const run = spawnSync("sh", ["-c", text], {
						env: { PATH: process.env.PATH, A_KEY: "outer", ...more },
						encoding: "utf8",
					});
					return [run.status, run.stdout];
				};
				expect(said(line, env), given).toEqual(said(given, {}));
			},
		),
		{ numRuns: 60 },
	);
});
