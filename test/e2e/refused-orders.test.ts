/**
 * What is said of a record that its host will refuse: nobody is told that it starts, or by which command it would, where
 * it does not. The commands that are named are given.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

/** By id, what of a good record is damaged, and whether its user may vouch for it. */
const KINDS: Record<string, { changes: Record<string, string>; why: RegExp; canBeSigned: boolean }> = {
	copy: { changes: {}, why: /it is a copy of a task that was removed/, canBeSigned: false },
	foreign: { changes: { signature: "x".repeat(44) }, why: /its signature is not of this/, canBeSigned: true },
	unsigned: { changes: { signature: "" }, why: /it carries no signature/, canBeSigned: true },
};
const IDS = Object.keys(KINDS);

let redis: TestRedis;
let client: Redis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	client = new Redis(redis.url);
	user = new User({ agent: "all-done-no-donefile.sh", redis: redis.url });
});
afterAll(async () => {
	client?.disconnect();
	await user?.cleanup();
	await redis?.stop();
});

const key = (name: string) => `{dispatch:default}:${name}`;

/** As whoever can write to Redis does. */
async function put(id: string, fields: Record<string, string>): Promise<void> {
	const generation = String(await client.incr(key("generation")));
	await client
		.multi()
		.del(key(`task:${id}`))
		.hset(key(`task:${id}`), { ...fields, state: "queued", hold: "", generation })
		.zadd(key("tasks"), Date.now(), id)
		.zadd(key(`active:${fields.host}`), Date.now(), id)
		.zadd(key("outbox"), Date.now(), `${id} ${generation}`)
		.exec();
}

async function said(...args: string[]): Promise<string> {
	const { stdout, stderr } = await user.run(args);
	return `${stdout}\n${stderr}`;
}

/** No word of a start that is not to be. */
function isTrue(id: string, text: string): void {
	expect(text).not.toMatch(/Starts in a moment|about to start/);
	const commands = [...text.matchAll(new RegExp(`dispatch retry ${id}\\b( --sign)?`, "g"))];
	const wrong = commands.filter(([, sign]) => sign === undefined || !KINDS[id]?.canBeSigned);
	expect(wrong.map(([command]) => command)).toEqual([]);
}

test("while it waits: status, ls, watch, JSON, doctor; once it is refused: these, wait, logs, the worker's log", async () => {
	await user.ok(["up"]);
	for (const id of IDS) {
		await user.ok(["enqueue", "--id", id, "--delay", "1h", "Do it"]);
		const good = await client.hgetall(key(`task:${id}`));
		await user.ok(["cancel", id]);
		if (id === "copy") await user.ok(["rm", id]);
		KINDS[id] = { ...(KINDS[id] as (typeof KINDS)[string]), changes: { ...good, ...KINDS[id]?.changes } };
	}
	await user.ok(["down"]);
	for (const id of IDS) await put(id, KINDS[id]?.changes ?? {});
	const listed = await said("ls");
	const summary = await said("status");
	const doctor = await said("doctor");
	for (const id of IDS) {
		const row = new RegExp(`^.*\\b${id}\\b.*will not be started`, "m");
		expect(listed).toMatch(row);
		expect(summary).toMatch(row);
		expect(doctor).toMatch(row);
		const report = await user.run(["status", id]);
		expect(report.stdout).toMatch(KINDS[id]?.why ?? /$./);
		for (const text of [listed, summary, doctor, report.stdout + report.stderr]) isTrue(id, text);
		const json = JSON.parse(await user.ok(["status", id, "--json"])) as { waits: unknown };
		expect(json.waits).toMatchObject({ kind: "order", why: "will not be started", until: null });
	}
	const all = JSON.parse(await user.ok(["ls", "--json"])) as { id: string; waits: { kind: string } }[];
	expect(all.map(({ waits }) => waits.kind)).toEqual(IDS.map(() => "order"));

	await user.ok(["up"]);
	for (const id of IDS) {
		const waited = await said("wait", id);
		expect(waited).toMatch(/not this host's to execute/);
		await user.waitForState(id, "failed");
		for (const text of [waited, await said("status", id), await said("logs", id)]) isTrue(id, text);
		expect(await user.ok(["status", id])).toMatch(new RegExp(`\`${id}\` will not be started again`));
	}
	isTrue("copy", await said("status"));
	const log = () =>
		readFileSync(join(user.home, "daemon.log"), "utf8")
			.split("\n")
			.filter((line) => line.includes('"step":"start"'));
	await expect.poll(() => log().length, { timeout: CONDITION_LIMIT_MS }).toBe(IDS.length);
	for (const line of log()) expect(line).toMatch(/something failed for good/);

	// What was named is taken.
	await user.ok(["rm", "copy"]);
	for (const id of IDS.filter((each) => KINDS[each]?.canBeSigned)) {
		expect(await user.ok(["status", id])).toContain(`If it is yours: dispatch retry ${id} --sign`);
		await user.ok(["retry", id, "--sign", "--yes"]);
		await user.waitForState(id, "completed");
	}
});
