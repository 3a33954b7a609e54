/** Somebody has the address of our Redis and writes what they like there: nothing of it is executed here. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
let client: Redis;
const recordKey = (id: string) => `{dispatch:default}:task:${id}`;

beforeEach(async () => {
	user = new User({ agent: "records-args.sh", agents: { asks: "asks-and-parks.sh", busy: "busy.sh" } });
	await user.ok(["up"]);
	client = new Redis({ path: join(user.home, "redis/redis.sock") });
});
afterEach(async () => {
	client.disconnect();
	await user.cleanup();
});

/** Puts a task into the queue as the scripts do. */
async function queue(id: string, fields: Record<string, string>): Promise<void> {
	const generation = await client.incr("{dispatch:default}:generation");
	const host = (await client.hget(recordKey(id), "host")) ?? fields.host ?? "";
	await client
		.multi()
		.hset(recordKey(id), { ...fields, state: "queued", hold: "", generation })
		.zadd("{dispatch:default}:tasks", Date.now(), id)
		.zadd(`{dispatch:default}:active:${host}`, Date.now(), id)
		.zadd("{dispatch:default}:outbox", Date.now(), `${id} ${generation}`)
		.publish("{dispatch:default}:wake", "outbox")
		.exec();
}

async function enqueued(id: string): Promise<Record<string, string>> {
	await user.ok(["enqueue", "--id", id, "--delay", "1h", "--verify", "true", "Do it"]);
	return client.hgetall(recordKey(id));
}

/** The task ends refused; nothing was started. */
async function isRefused(id: string): Promise<void> {
	const task = await user.taskInState(id, "failed");
	expect(task.reason).toBe("not_started");
	expect(task.outcome?.message).toContain("not this host's to execute");
	expect(existsSync(join(user.home, "runs", id))).toBe(false);
	expect(existsSync(join(user.path, "pwned"))).toBe(false);
}

const pwned = () => `touch ${join(user.path, "pwned")}`;

test("a record changed in one field is refused, with every field that an agent's start or check uses", async () => {
	const good = await enqueued("victim");
	const spec = JSON.parse(good.spec ?? "") as object;
	const changes: object[] = [
		{ verify: pwned() },
		{ prompt: "Do something else" },
		{ cwd: user.path },
		{ backend: "asks" },
		{ permissions: "full" },
		{ promptAddition: "And more" },
		{ contextFiles: ["/etc/passwd"] },
		{ planText: "- [ ] evil\n" },
		{ budgetUsd: 1000 },
	];
	for (const change of changes) {
		await queue("victim", { ...good, spec: JSON.stringify({ ...spec, ...change }) });
		await isRefused("victim");
	}
	const chosen = {
		backend: "asks",
		model: "asks",
		permissions: null,
		promptAddition: null,
		modelReason: "x",
	};
	await queue("victim", { ...good, chosen: JSON.stringify(chosen) });
	await isRefused("victim");
	// It was the change that was refused: as it was signed, it runs.
	await queue("victim", { ...good, chosen: "" });
	await user.waitForState("victim", "completed");
});

test("a record made by hand is refused; so is a good one under another id, without its signature, or after rm", async () => {
	const good = await enqueued("victim");
	const spec = JSON.parse(good.spec ?? "") as object;
	const nonce = "0123456789abcdef";
	await queue("by-hand", { ...good, spec: JSON.stringify({ ...spec, id: "by-hand", nonce }), signature: "" });
	await isRefused("by-hand");
	await queue("copied", { ...good, spec: JSON.stringify({ ...spec, id: "copied" }) });
	await isRefused("copied");
	await queue("victim", { ...good, signature: "" });
	await isRefused("victim");
	await user.ok(["rm", "victim"]);
	await queue("victim", good);
	await isRefused("victim");
});

test("its own user vouches once for a task of an earlier version", async () => {
	const good = await enqueued("older");
	await queue("older", { ...good, signature: "" });
	await isRefused("older");
	const refused = await user.run(["retry", "older"]);
	expect([refused.code, refused.stderr]).toEqual([7, expect.stringContaining("dispatch retry older --sign")]);
	expect((await user.run(["retry", "older", "--sign", "--quiet"])).stderr).toContain("would hide");
	// Whatever is signed is shown, to its last word.
	const spec = {
		...(JSON.parse(good.spec ?? "") as object),
		prompt: `Do it.\n${"Carefully. ".repeat(200)}LAST-OF-PROMPT`,
		promptAddition: "WORDS-BEFORE",
		contextFiles: ["FILE-TO-READ"],
		planText: "- [ ] ITEM-OF-PLAN\n",
		verify: "true # OWN-CHECK",
	};
	await client.hset(recordKey("older"), "spec", JSON.stringify(spec));
	for (const more of [["--sign"], ["--sign", "--json"], ["--sign", "--fresh"]]) {
		const unasked = await user.run(["retry", "older", ...more]);
		// With --json the error is the document.
		const refusal = unasked.stdout + unasked.stderr;
		expect([unasked.code, refusal]).toEqual([2, expect.stringContaining("nobody can be asked here.")]);
		expect(refusal).toContain("say so by --yes: dispatch retry older --sign --yes");
		expect(unasked.stderr).toContain("LAST-OF-PROMPT");
		expect(await client.hget(recordKey("older"), "signature")).toBe("");
	}
	const signed = await user.run(["retry", "older", "--sign", "--yes"]);
	expect(signed.code).toBe(0);
	for (const part of ["LAST-OF-PROMPT", "WORDS-BEFORE", "FILE-TO-READ", "ITEM-OF-PLAN", "OWN-CHECK"])
		expect(signed.stderr).toContain(part);
	await user.waitForState("older", "completed");
	await user.ok(["retry", "older"]);
	await user.waitForState("older", "completed");
});

test("a key that was replaced: what waits for its start is told by status and doctor, and vouched for once", async () => {
	await enqueued("old");
	await user.ok(["enqueue", "--id", "busy", "--model", "busy", "Do it"]);
	await user.waitForState("busy", "running");
	const looks = [["status"], ["doctor"], ["status", "old"]];
	for (const args of looks) {
		const before = await user.run(args);
		expect(before.stdout + before.stderr).not.toContain("will not be started");
	}
	writeFileSync(join(user.home, "signing-key"), "ab".repeat(32));
	await enqueued("new");
	for (const args of looks) {
		const { stdout, stderr } = await user.run(args);
		expect(stdout + stderr).toMatch(/`old` will not be started: its signature is not of this/);
		expect(stdout + stderr).toContain("dispatch cancel old, then dispatch retry old --sign");
		expect(stdout + stderr).not.toContain("dispatch cancel busy");
	}
	await user.ok(["cancel", "old"]);
	await user.waitForState("old", "cancelled");
	await user.ok(["retry", "old", "--sign", "--yes"]);
	await user.waitForState("old", "completed");
	// What worked goes on to its end: its worker saw it signed.
	writeFileSync(user.taskFile("busy", "enough"), "");
	await user.waitForState("busy", "completed");
});

test("what another host's user removes, this host clears, and starts no copy of it", async () => {
	const good = await enqueued("victim");
	await user.ok(["cancel", "victim"]);
	const directory = user.taskFile("victim", ".");
	expect(existsSync(directory)).toBe(true);
	const other = {
		DISPATCH_HOME: join(user.path, "other"),
		DISPATCH_REDIS_URL: `unix://${user.home}/redis/redis.sock`,
	};
	await user.ok(["rm", "victim"], { env: other });
	await vi.waitFor(() => expect(existsSync(directory)).toBe(false), { timeout: CONDITION_LIMIT_MS });
	await queue("victim", good);
	await isRefused("victim");
});

test.each<[string, () => Promise<unknown>]>([
	["spec", () => client.hset(recordKey("victim"), "spec", "{x")],
	["nonce", () => client.hdel(recordKey("victim"), "nonce")],
	["state", () => client.hset(recordKey("victim"), "state", "x")],
])("a good copy of a task whose record was removed with a damaged %s is refused", async (_field, damage) => {
	const good = await enqueued("victim");
	const directory = user.taskFile("victim", ".");
	await damage();
	await user.ok(["cancel", "victim"]);
	const removed = await user.run(["rm", "victim"]);
	expect(removed.code, removed.stderr).toBe(0);
	// What cannot be known is said; all else goes.
	if (removed.stderr.includes("stays")) expect(existsSync(directory)).toBe(true);
	else await vi.waitFor(() => expect(existsSync(directory)).toBe(false), { timeout: CONDITION_LIMIT_MS });
	await queue("victim", good);
	await isRefused("victim");
});

test("a check that was changed while the agent works is not run", async () => {
	await user.ok(["enqueue", "--id", "asker", "--model", "asks", "--verify", "true", "Do it"]);
	await user.waitForState("asker", "asking", "parked");
	const record = await client.hgetall(recordKey("asker"));
	const changed = { ...(JSON.parse(record.spec ?? "") as object), verify: pwned() };
	await client.hset(recordKey("asker"), "spec", JSON.stringify(changed));
	await user.ok(["answer", "asker", "yes"]);
	const task = await user.taskInState("asker", "failed");
	expect(["verify_failed", "not_started"]).toContain(task.reason);
	expect(existsSync(join(user.path, "pwned"))).toBe(false);
});

test("a session that this host did not begin is not resumed, and no text of the record gets into a prompt", async () => {
	await enqueued("victim");
	await queue("victim", {
		startMode: "resume",
		sessionId: "another-project",
		reason: "verify_failed",
		outcome: JSON.stringify({
			kind: "failed",
			message: "INJECTED",
			exitCode: 1,
			signal: null,
			logTail: ["INJECTED"],
			warnings: [],
		}),
		progress: JSON.stringify({
			plan: { title: "INJECTED", items: [{ marker: " ", text: "INJECTED", note: null }] },
			activity: null,
			usage: null,
			lastSignAt: null,
		}),
	});
	await user.waitForState("victim", "completed", "failed");
	expect(readFileSync(user.taskFile("victim", "plan-at-first.md"), "utf8")).toBe("# victim\n");
	const prompt = readFileSync(user.taskFile("victim", "prompt.md"), "utf8");
	expect(prompt).not.toContain("INJECTED");
	expect(prompt).toContain("Do it");
});
