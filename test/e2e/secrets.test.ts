/** A secret planted in each of twelve places, then everything that was written or shown is searched for it. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";
import { allOfRedis } from "./all-of-redis.ts";
import { User } from "./harness.ts";
import { webPages } from "./web-pages.ts";

const AGENT = resolve(import.meta.dirname, "../fixtures/agents/tells-secrets.sh");
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };

const PLANTED = {
	redisPassword: "planted-redis-pw-01",
	redisParameter: "planted-redis-parameter-02",
	keyOfCommand: "planted-command-key-03",
	keyOfMissing: "planted-missing-key-04",
	optionOfCommand: "planted-option-key-05",
	webhookPassword: "planted-webhook-pw-06",
	webhookParameter: "planted-webhook-token-07",
	webhookSecret: "planted-webhook-secret-08",
	secretEnv: "planted-secret-env-09",
	urlEnv: "planted-url-env-10",
	apiKey: "planted-api-key-11",
	notifyCommand: "planted-notify-command-12",
};

/** Several workers and agents of real programs: a loaded machine takes its time. */
const LONG_TEST_MS = 2 * TEST_LIMIT_MS;

let cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	for (const each of cleanup.reverse()) await each();
	cleanup = [];
});

async function receiver(status: number) {
	const bodies: string[] = [];
	const server = createServer(async (request, response) => {
		bodies.push(JSON.stringify(request.headers), await text(request));
		response.statusCode = status;
		response.end();
	});
	await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
	cleanup.push(async () => server.closeAllConnections());
	cleanup.push(async () => server.close());
	const address = server.address();
	return { bodies, port: typeof address === "object" ? address?.port : 0 };
}

test(
	"twelve planted secrets are in nothing that is written or shown",
	async () => {
		const redis = await startTestRedis({
			port: true,
			settings: [
				"--appendonly",
				"yes",
				"--maxmemory-policy",
				"noeviction",
				"--requirepass",
				PLANTED.redisPassword,
			],
		});
		cleanup.push(() => redis.stop());
		const good = await receiver(200);
		const bad = await receiver(410);
		const chat = await receiver(200);
		const address = redis.url.replace("redis://", `redis://:${PLANTED.redisPassword}@`);
		const user = new User({
			agent: "ten-line.sh",
			redis: address,
			config: [
				"  keyed: { backend: keyed }",
				"  missing: { backend: missing }",
				"notifications:",
				`  - { type: webhook, name: good, url: "http://127.0.0.1:${good.port}/?token=${PLANTED.webhookParameter}", secret: "${PLANTED.webhookSecret}", on: [question, completed, failed] }`,
				`  - { type: webhook, name: bad, url: "http://u:${PLANTED.webhookPassword}@127.0.0.1:${bad.port}/", secret_env: HOOK_VALUE }`,
				"  - { type: slack, name: chat, url_env: CHAT_PLACE }",
				`  - { type: command, name: own, command: "SEND_TOKEN=${PLANTED.notifyCommand} sh -c 'until [ -e was-seen ]; do sleep 0.1; done'; no-such-program" }`,
			].join("\n"),
			env: {
				ANTHROPIC_API_KEY: PLANTED.apiKey,
				HOOK_VALUE: PLANTED.secretEnv,
				CHAT_PLACE: `http://127.0.0.1:${chat.port}/${PLANTED.urlEnv}`,
				REDIS_URL: `${redis.url}/?password=${PLANTED.redisParameter}`,
				QUEUE: `${address}/3`,
			},
		});
		cleanup.push(() => user.cleanup());
		const path = join(user.home, "config.yaml");
		const config = readFileSync(path, "utf8").replace(
			"models:",
			`  keyed: { type: command, command: "env CLI_KEY=${PLANTED.keyOfCommand} ${AGENT}" }\n  missing: { type: command, command: "env KEY=${PLANTED.keyOfMissing} missing-cli --api-key ${PLANTED.optionOfCommand}" }\nmodels:`,
		);
		writeFileSync(path, config);

		const shown: string[] = [];
		const show = async (...args: string[]) => {
			const { stdout, stderr } = await user.run(args);
			shown.push(stdout, stderr);
		};
		await user.ok(["enqueue", "--id", "keyed", "--model", "keyed", "x"]);
		await user.ok(["enqueue", "--id", "gone", "--model", "missing", "--attempts", "1", "x"]);
		await user.waitForState("keyed", "asking");
		await show("questions");
		await show("questions", "--json");
		shown.push(...user.processes().map(({ command }) => command));
		// What `ps` shows of a notification's command while it lives.
		const ofHook = () => {
			const found = user.processes().filter(({ command }) => command.includes("was-seen"));
			shown.push(...found.map(({ command }) => command));
			return found.map(({ command }) => command.startsWith("sh -c"));
		};
		await expect.poll(ofHook, LIMIT).toContain(true);
		writeFileSync(join(user.home, "was-seen"), "");
		await user.ok(["answer", "keyed", "no"]);
		await user.waitForState("keyed", "completed");
		await user.waitForState("gone", "failed");
		const given = async () => `${(await user.run(["doctor"])).stdout}`;
		await expect.poll(given, LIMIT).toMatch(/notifications to bad were given up/);
		await expect.poll(() => good.bodies.filter((body) => body.includes('"event":')).length, LIMIT).toBe(3);
		for (const command of [
			...[
				"ls",
				"status keyed",
				"status gone",
				"logs keyed",
				"logs keyed --events",
				"logs gone",
				"output keyed",
				"config show",
			],
			...["doctor", "notify", "up", "status"],
		]) {
			await show(...command.split(" "));
			await show(...command.split(" "), "--json");
		}
		await show("ls", "--redis", `redis://:${PLANTED.redisParameter}@127.0.0.1:1`);
		await show("ls", "--redis", `redis://:${PLANTED.redisParameter}/x@127.0.0.1:1`);
		await show("ls", "--redis", `rediss//u:${PLANTED.redisParameter}@h`);
		await show("ls", "--redis", `redis://127.0.0.1:1?password=${PLANTED.redisParameter}`);
		await expect
			.poll(() => chat.bodies.filter((body) => body.includes('"text":')).length, LIMIT)
			.toBeGreaterThanOrEqual(3);
		const pages = (await webPages(user, ["/", "/task/keyed", "/task/gone", "/board/api/queues"])).join("\n");
		const agentEnv = readFileSync(join(user.path, "env-of-keyed.txt"), "utf8");
		const client = new Redis(address);
		const everything = {
			redis: await allOfRedis(client),
			shown: shown.join("\n"),
			log: readFileSync(join(user.home, "daemon.log"), "utf8"),
			pages,
			// A receiver is called under the path that it was given.
			slack: chat.bodies.filter((body) => body.includes('"text":')).join("\n"),
			bodies: [...good.bodies, ...bad.bodies.filter((body) => !body.includes('"authorization"'))].join("\n"),
		};
		client.disconnect();
		const leaks = Object.entries(everything).flatMap(([where, all]) =>
			Object.entries(PLANTED).flatMap(([what, value]) =>
				all.includes(value) ? [`${what} in ${where}`] : [],
			),
		);
		expect(leaks).toEqual([]);
		expect(everything.shown).toContain("[ANTHROPIC_API_KEY]");
		expect(everything.shown).toContain("holds a secret (--api-key)");
		expect(pages).toContain("keyed");
		const ofOthers = ["redisPassword", "redisParameter", "webhookPassword", "secretEnv", "urlEnv"] as const;
		expect(ofOthers.filter((what) => agentEnv.includes(PLANTED[what]))).toEqual([]);
	},
	LONG_TEST_MS,
);
