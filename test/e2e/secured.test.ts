/** A task from its submission to its end over TLS with certificates on both sides, and what doctor says of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Authority, hasOpenssl, startTlsRedis } from "../certificates.ts";
import type { TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

describe.skipIf(!hasOpenssl)("TLS (left out where there is no openssl to make certificates with)", () => {
	let authority: Authority;
	let redis: TestRedis;
	let user: User;
	beforeAll(async () => {
		authority = new Authority();
		const server = await startTlsRedis(authority, authority.issue("server"), { clients: true });
		redis = server.redis;
		const client = authority.issue("client", { days: 3 });
		const files = new URLSearchParams({ cafile: authority.cafile, ...client });
		user = new User({ redis: `rediss://${server.host}?${files}` });
	});
	afterAll(async () => {
		await user.cleanup();
		await redis.stop();
		authority.remove();
	});

	test("a task asks, is answered and completes; doctor tells which certificate ends soon", async () => {
		await user.ok(["enqueue", "--id", "t", "Do it"]);
		await user.waitForState("t", "asking");
		await user.ok(["answer", "t", "blue"]);
		await user.waitForState("t", "completed");
		const { stdout } = await user.run(["doctor"]);
		expect(stdout).toMatch(/certificate of the server is valid until \d{4}-/);
		expect(stdout).toMatch(/certificate of \S+client\.crt is valid until[\s\S]*Renew it in time/);
		expect(await user.ok(["config", "show"])).not.toContain("client.key");
	});

	test("a refused certificate is named by the command, and by doctor, with the next step", async () => {
		const env = { DISPATCH_REDIS_URL: (user.env.DISPATCH_REDIS_URL ?? "").replace(/cafile=[^&]*&/, "") };
		const { code, stderr } = await user.run(["ls"], { env });
		expect([code, stderr]).toEqual([5, expect.stringMatching(/cannot be reached by TLS: .*\?cafile=/)]);
		const { stdout } = await user.run(["doctor"], { env });
		expect(stdout).toMatch(/cannot be reached by TLS: [\s\S]*\?cafile=/);
	});
});
