/** Notifications of real tasks to a real receiver. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { signatureOf } from "../../src/notify/targets/webhook.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { NotificationPayload } from "../../src/task/notification.ts";
import { User } from "../e2e/harness.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis } from "../redis.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

interface Received {
	headers: IncomingHttpHeaders;
	body: string;
	payload: NotificationPayload;
}

let user: User | undefined;
let server: Server | undefined;
afterEach(async () => {
	server?.closeAllConnections();
	server?.close();
	await user?.cleanup();
});

/** @param reply the status of the nth request; null hangs for ever */
async function receiver(reply: (n: number) => number | null = () => 200, port = 0) {
	const received: Received[] = [];
	server = createServer(async (request, response) => {
		const body = await text(request);
		received.push({ headers: request.headers, body, payload: JSON.parse(body) as NotificationPayload });
		const status = reply(received.length);
		if (status !== null) response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("x");
	});
	await new Promise<void>((resolve) => server?.listen(port, "127.0.0.1", resolve));
	const { port: used } = server.address() as AddressInfo;
	return { received, port: used, url: `http://127.0.0.1:${used}/hook` };
}

function userWith(...targets: string[]): User {
	const config = ["notifications:", ...targets.map((target) => `  - ${target}`)].join("\n");
	user = new User({
		agent: "ten-line.sh",
		agents: { broken: "item-error.sh" },
		config,
		env: { HOOK_SECRET: "s3cret" },
	});
	return user;
}

const story = async (mine: User) => {
	await mine.ok(["enqueue", "--id", "job", "x"]);
	await mine.waitForState("job", "asking");
	await mine.ok(["answer", "job", "Blue"]);
	await mine.waitForState("job", "completed");
};

test("a whole task and a failed one: each event once, signed, with what one needs to know", async () => {
	const { url, received } = await receiver();
	const mine = userWith(`{ type: webhook, url: "${url}", secret_env: HOOK_SECRET }`);
	await story(mine);
	await mine.ok(["enqueue", "--id", "bad", "--model", "broken", "x"]);
	await mine.waitForState("bad", "failed");
	// Nobody can answer it: only its end is told.
	await mine.ok(["enqueue", "--id", "alone", "--unattended", "x"]);
	await mine.waitForState("alone", "failed");
	await expect.poll(() => received.length, LIMIT).toBe(4);
	expect(received.map(({ payload }) => `${payload.event} ${payload.task.id}`).sort()).toEqual([
		"completed job",
		"failed alone",
		"failed bad",
		"question job",
	]);
	const asked = received.find(({ payload }) => payload.event === "question");
	expect(asked?.payload.task.state).toBe("asking");
	expect(asked?.payload).toMatchObject({ schema: 1, question: { seq: "001", text: "Which colour?" } });
	expect(received.find(({ payload }) => payload.task.id === "bad")?.payload.task.reason).toBe("item_error");
	for (const { headers, body, payload } of received) {
		expect(headers["x-dispatch-delivery"]).toBe(payload.id);
		const timestamp = String(headers["x-dispatch-timestamp"]);
		expect(headers["x-dispatch-signature"]).toBe(signatureOf("s3cret", timestamp, body));
	}
	expect(JSON.stringify(await mine.json(["config", "show"]))).not.toContain(url);
});

test("a receiver that fails and comes back, with the worker killed in between: delivered, under the same id", async () => {
	const first = await receiver(() => 500);
	const mine = userWith(`{ type: webhook, url: "${first.url}", on: [question] }`);
	await mine.ok(["enqueue", "--id", "job", "x"]);
	await expect.poll(() => first.received.length, LIMIT).toBeGreaterThan(0);
	const id = first.received[0]?.payload.id;
	server?.closeAllConnections();
	server?.close();
	process.kill(mine.daemonPid() ?? 0, "SIGKILL");
	const second = await receiver(() => 200, first.port);
	await mine.ok(["up"]);
	await expect.poll(() => second.received.map(({ payload }) => payload.id), LIMIT).toEqual([id]);
});

test("what happens while no worker runs is told by the next one; what the receiver refuses for good is not repeated", async () => {
	const { url, received } = await receiver(() => 410);
	const mine = userWith(`{ type: webhook, name: team, url: "${url}", on: [cancelled] }`);
	await mine.ok(["enqueue", "--id", "job", "--delay", "1h", "x"]);
	process.kill(mine.daemonPid() ?? 0, "SIGKILL");
	await mine.ok(["cancel", "job"]);
	await mine.ok(["up"]);
	await expect.poll(() => received.length, LIMIT).toBe(1);
	const told = async () => (await mine.run(["doctor"])).stdout;
	await expect.poll(told, LIMIT).toMatch(/1 notifications to team were given up; the last: HTTP 410/);
	expect(received).toHaveLength(1);
});

test("of a task that is removed while its delivery is tried nothing stays, told or given up", async () => {
	let answers: number | null = null;
	const { url, received } = await receiver(() => answers);
	const mine = userWith(`{ type: webhook, name: team, url: "${url}", on: [failed] }`);
	await mine.ok(["enqueue", "--id", "bad", "--model", "broken", "x"]);
	await mine.waitForState("bad", "failed");
	await expect.poll(() => received.length, LIMIT).toBeGreaterThan(0);
	await mine.ok(["rm", "bad"]);
	// Only now it is refused: the delivery was under way while its task went.
	answers = 410;
	server?.closeAllConnections();
	const store = await openStore({
		target: { socketPath: join(mine.home, "redis/redis.sock") },
		namespace: "default",
		role: "command",
	});
	await expect.poll(() => store.client.keys("*:bull:notify-*.team"), LIMIT).toEqual([]);
	await store.close();
	expect(received.at(-1)?.payload.task.id).toBe("bad");
});

test("a receiver that hangs holds nothing up; a redirect is not followed", async () => {
	const { url, received } = await receiver((n) => (n === 1 ? null : 302));
	await story(userWith(`{ type: webhook, url: "${url}" }`));
	await expect.poll(() => received.length, LIMIT).toBeGreaterThan(1);
});

test("a command gets hostile text in its environment and runs nothing of it; Slack's escapes", async () => {
	const { url, received } = await receiver();
	const mine = userWith(
		`{ type: command, on: [question], command: 'printf "%s|%s" "$DISPATCH_TITLE" "$DISPATCH_TEXT" > told; cat > told.json' }`,
		`{ type: slack, url: "${url}", on: [question] }`,
	);
	const agent = mine.write(
		"agent.sh",
		`#!/bin/sh\ncd ".dispatch/tasks/$DISPATCH_TASK"
printf '\\033]0;owned\\007\\302\\2332J%s\\n' '<!channel> & $(touch pwned)' '"; touch pwned; "' > ipc/001.question.tmp; mv ipc/001.question.tmp ipc/001.question; sleep 60\n`,
		0o755,
	);
	await mine.ok(["config", "add-backend", "nasty", "--command", agent]);
	await mine.ok(["up", "--restart"]);
	await mine.ok(["enqueue", "--id", "job", "--model", "nasty", "x"]);
	await expect
		.poll(
			() =>
				existsSync(join(mine.home, "told.json")) &&
				readFileSync(join(mine.home, "told.json"), "utf8").length > 0,
			LIMIT,
		)
		.toBe(true);
	const told = readFileSync(join(mine.home, "told"), "utf8");
	expect(told).toContain('job is asking|<!channel> & $(touch pwned)\n"; touch pwned; "');
	expect(existsSync(join(mine.home, "pwned")) || existsSync(join(mine.project, "pwned"))).toBe(false);
	await expect.poll(() => received.length, LIMIT).toBe(1);
	expect(received[0]?.payload).toEqual({
		text: expect.stringContaining("&lt;!channel&gt; &amp; $(touch pwned)"),
	});
});

test("dispatch notify tries every target and says what each answered", async () => {
	const { url } = await receiver((n) => (n === 1 ? 200 : 500));
	const mine = userWith(
		`{ type: webhook, url: "${url}" }`,
		"{ type: command, command: exit 3 }",
		"{ type: webhook, url_env: NOPE }",
	);
	expect(await mine.run(["notify"])).toMatchObject({
		code: 1,
		stdout:
			"webhook-1: delivered\ncommand-2: exit code 3\nwebhook-3: url: the variable NOPE is not set for the worker\n",
	});
});

test("a target may be named as one likes, and an event that cannot be read holds nothing up", async () => {
	const { url, received } = await receiver();
	const mine = userWith(`{ type: webhook, name: "team:ops/√ 1", url: "${url}", on: [question] }`);
	const redis = await startTestRedis();
	const env = { DISPATCH_REDIS_URL: redis.url };
	try {
		await mine.ok(["up"], { env });
		const store = await openStore({ target: redis.target, namespace: "default", role: "command" });
		for (const body of ["{", "null", "[]", '{"task":5,"kind":"asked","at":"x"}'])
			await store.client.xadd(store.keys.events, "*", "e", body);
		await store.client.xadd(store.keys.events, "*", "other", "field");
		await store.close();
		await mine.ok(["enqueue", "--id", "job", "x"], { env });
		await expect.poll(() => received.map(({ payload }) => payload.task.id), LIMIT).toEqual(["job"]);
	} finally {
		await redis.stop();
	}
});

test("a worker that comes back behind the capped stream tells the ends and the open questions from the records", async () => {
	const { url, received } = await receiver();
	const redis = await startTestRedis();
	const env = { DISPATCH_REDIS_URL: redis.url };
	const mine = userWith(`{ type: webhook, url: "${url}", on: [question, cancelled] }`);
	try {
		await mine.ok(["enqueue", "--id", "ended", "--delay", "1h", "x"], { env });
		process.kill(mine.daemonPid() ?? 0, "SIGKILL");
		await mine.ok(["cancel", "ended"], { env });
		const store = await openStore({ target: redis.target, namespace: "default", role: "command" });
		await store.client.xtrim(store.keys.events, "MAXLEN", 0);
		await store.client.xadd(store.keys.events, "*", "e", JSON.stringify({ task: "x", kind: "noted", at: 1 }));
		await store.close();
		await mine.ok(["up"], { env });
		await expect.poll(() => received.map(({ payload }) => payload.task.id), LIMIT).toEqual(["ended"]);
	} finally {
		await redis.stop();
	}
});

test.each([
	["{ type: webhook }", /notifications\.0: Expected url: or url_env:/],
	["{ type: mail }", /type: to be one of webhook, slack, command, bell/],
	['{ type: slack, url: "file:///etc/passwd" }', /begins with https/],
	["{ type: bell, one: [question] }", /one: There is no such key; did you mean "on"/],
	["{ type: bell, on: [asked] }", /one of question, parked, completed, failed, cancelled, got "asked"/],
	["{ type: bell, name: a }\n  - { type: bell, name: a }", /"a" is the name of an earlier entry/],
])("config: %s is refused", async (target, says) => {
	const ran = await userWith(target).run(["enqueue", "x"]);
	expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(says) });
});

test("an agent that asks without end sends no more notifications than questions that can be open at once", async () => {
	const mine = userWith(
		"{ type: command, name: own, command: 'cat >>$HOME/told; echo >>$HOME/told', on: [question, cancelled] }",
	);
	const agent = mine.write(
		"../asks.sh",
		`#!/bin/sh
cd ".dispatch/tasks/$DISPATCH_TASK" || exit 1
printf -- '- [ ] a\\n' >plan.md
for n in $(seq 101 160); do echo "Q$n?" >"ipc/$n.question"; done
exec sleep 1000
`,
		0o755,
	);
	await mine.ok(["config", "add-backend", "asker", "--command", agent, "--type", "command"]);
	await mine.ok(["enqueue", "--id", "job", "--model", "asker", "x"]);
	// How many wait is told once, by a look that may have come while it was still asking.
	await expect.poll(() => mine.ok(["logs", "job", "--events"])).toMatch(/ \d+ more of its questions/);
	await mine.ok(["cancel", "job"]);
	// Told in order: what was asked came before.
	const told = () =>
		existsSync(join(mine.path, "told")) ? readFileSync(join(mine.path, "told"), "utf8") : "";
	const kinds = () =>
		told()
			.split("\n")
			.flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as NotificationPayload).event]));
	await expect.poll(kinds).toContain("cancelled");
	expect(kinds().filter((kind) => kind === "question")).toHaveLength(20);
});
