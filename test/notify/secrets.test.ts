/** What this host knows to be secret leaves it in no notification, wherever in a task it stands. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { startNotifier } from "../../src/host/notifications.ts";
import type { NotificationTarget } from "../../src/notify/targets/index.ts";
import { openStore } from "../../src/queue/records/open.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import type { Outcome } from "../../src/task/spec.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { HOST, question, runningTask } from "../queue/records/store-support.ts";
import { startTestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SECRET = "planted-in-the-prompt-01";
const NAMED = "[PLANTED_KEY]";

/** By path, what was posted there. */
async function receiver() {
	const bodies: { path: string; body: string }[] = [];
	const server = createServer(async (request, response) => {
		bodies.push({ path: request.url ?? "", body: await text(request) });
		response.end();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	onTestFinished(() => {
		server.closeAllConnections();
		server.close();
	});
	return { bodies, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a secret in a prompt, a question, a tag, a path or an end is named in webhook, Slack and command", async () => {
	const redis = await startTestRedis();
	const store = await openStore({ target: redis.target, namespace: "secrets", role: "service" });
	const { bodies, origin } = await receiver();
	const home = temporaryFolder("notify");
	const on = ["question", "failed"] as const;
	const given = (value: string | null) => ({ value, env: null });
	const notifications: NotificationTarget[] = [
		{
			type: "webhook",
			name: "w",
			on: [...on],
			values: { url: given(`${origin}/webhook`), secret: given(null) },
		},
		{ type: "slack", name: "s", on: [...on], values: { url: given(`${origin}/slack`) } },
		{
			type: "command",
			name: "c",
			on: [...on],
			values: { command: given("env >>told; cat >>told; echo END >>told") },
		},
	];
	const notifier = await startNotifier({
		store,
		host: HOST,
		home,
		config: { ...emptyConfig(), notifications },
		env: { PATH: process.env.PATH },
		maxBackoffMs: 1,
		fault: (_task, _step, error) => expect.unreachable(String(error)),
	});
	try {
		rememberSecret("PLANTED_KEY", SECRET);
		const changes = { prompt: `Use ${SECRET}`, cwd: `/tmp/${SECRET}`, tags: { key: SECRET } };
		const epoch = await runningTask(store, "tells", changes);
		await store.ask("tells", epoch, [question("001", `May I use ${SECRET}?`)]);
		const outcome: Outcome = {
			kind: "failed",
			message: `It said ${SECRET}`,
			exitCode: 1,
			signal: null,
			logTail: [SECRET],
			warnings: [],
		};
		await store.move({
			id: "tells",
			epoch,
			from: ["asking"],
			to: "failed",
			set: { outcome, reason: "crashed" },
		});
		await notifier?.pump();
		const told = () => readFileSync(join(home, "told"), "utf8");
		await expect
			.poll(() => bodies.length === 4 && told().match(/^END$/gm)?.length, { timeout: CONDITION_LIMIT_MS })
			.toBe(2);
		const all = [...bodies.map(({ path, body }) => `${path} ${body}`), told()];
		for (const each of all) {
			expect(each).not.toContain(SECRET);
			expect(each).toContain(NAMED);
		}
	} finally {
		await notifier?.stop();
		await store.close();
		await redis.stop();
	}
});
