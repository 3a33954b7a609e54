import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { WAIT_LIMIT } from "../patience.ts";
import { User } from "./harness.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures");
const LIMITED_MS = 20_000;
const TASKS = 20;
let user: User;

afterEach(() => user?.cleanup());

/** A backend of type claude that says what the real one said; `other` is a backend without trouble. */
function userOf(env: Record<string, string> = {}, ...more: string[]): User {
	user = new User({ env: { RECORDED: join(FIXTURES, "recorded"), ...env } });
	const agent = (name: string) => join(FIXTURES, "agents", name);
	const lines = [
		"default: sonnet",
		"backends:",
		`  claude: { type: claude, command: "${agent("recorded-claude.sh")}" }`,
		`  other: { type: command, command: "${agent("records-args.sh")}" }`,
		"models: { sonnet: { backend: claude }, other: { backend: other } }",
		"worker: { concurrency: 2, max_agents: 4 }",
		...more,
	];
	writeFileSync(join(user.home, "config.yaml"), `${lines.join("\n")}\n`);
	return user;
}

type Held = { hold: { kind: string; until: string | null } | null };

const seconds = () => Math.floor(Date.now() / 1_000);
/** Seconds since the epoch of each start of the claude stand-in, in order. */
const starts = (): number[] =>
	readFileSync(join(user.project, "starts.log"), "utf8")
		.trim()
		.split("\n")
		.map((line) => Number(line.split(" ")[0]) / 1e9);

test("a rate limit holds the backend: nothing starts into it, nothing fails, other backends go on", async () => {
	userOf({ DISPATCH_MAX_BACKOFF_MS: String(LIMITED_MS) });
	user.write("fault", "claude-rate-limited");
	user.write("until", String(seconds() + 3_600));
	const ids = Array.from({ length: TASKS }, (_, n) => `t${n + 1}`);
	const batch = user.write("batch.json", JSON.stringify(ids.map((id) => ({ id, prompt: "Do it" }))));
	await user.ok(["batch", batch]);
	const heldUntil = async () => (await user.json<Held>(["status", "t9"])).hold;
	let gate: Held["hold"] = null;
	const firstHold = async () => {
		gate ??= await heldUntil();
		return gate;
	};
	await expect.poll(firstHold).toMatchObject({ kind: "rate_limited" });
	expect(await user.ok(["status", "t9"])).toContain("rate limit");
	user.write("until", "0");
	await user.ok(["enqueue", "--id", "free", "--model", "other", "Do it"]);
	expect((await user.taskInState("free", "completed")).attempt).toBe(1);
	await user.ok(["wait", ...ids, "--timeout", WAIT_LIMIT]);
	const tasks = await user.json<{ state: string; attempt: number }[]>(["ls", "--all"]);
	expect(tasks.filter(({ state, attempt }) => state === "completed" && attempt === 1)).toHaveLength(
		TASKS + 1,
	);
	// Two places: two agents met the limit, and nobody else started before its end.
	const opened = Date.parse((await firstHold())?.until ?? "") / 1_000;
	expect(starts().filter((at) => at < opened - 0.1).length).toBeLessThanOrEqual(2);
});

test("a task whose model would be waited for too long goes on with the next one, and so does one that meets the gate", async () => {
	userOf({ DISPATCH_MAX_BACKOFF_MS: String(LIMITED_MS) }, "fallback: [other]", "fallback_after: 1s");
	user.write("fault", "claude-rate-limited");
	user.write("until", String(seconds() + 3_600));
	for (const id of ["meets", "held"]) {
		await user.ok(["enqueue", "--id", id, "Do it"]);
		expect(await user.taskInState(id, "completed")).toMatchObject({ backend: "other", attempt: 1 });
	}
	expect(starts()).toHaveLength(1);
});

test("a fallback that the config gets while tasks wait takes them at once, not after the limit", async () => {
	userOf({ DISPATCH_MAX_BACKOFF_MS: "3600000" });
	user.write("fault", "claude-rate-limited");
	user.write("until", String(seconds() + 3_600));
	for (const id of ["meets", "held"]) await user.ok(["enqueue", "--id", id, "Do it"]);
	for (const id of ["meets", "held"])
		await expect
			.poll(async () => (await user.json<Held>(["status", id])).hold)
			.toMatchObject({ kind: "rate_limited" });
	appendFileSync(join(user.home, "config.yaml"), "fallback: [other]\nfallback_after: 1s\n");
	for (const id of ["meets", "held"])
		expect(await user.taskInState(id, "completed")).toMatchObject({ backend: "other", attempt: 1 });
});

test("a login that failed twice holds the backend: no third start, and what waits names doctor", async () => {
	userOf();
	user.write("fault", "claude-not-logged-in");
	user.write("until", String(seconds() + 3_600));
	// The third one only then: it might take the place of who fails first, while the login has failed but once.
	for (const id of ["one", "two"]) await user.ok(["enqueue", "--id", id, "Do it"]);
	for (const id of ["one", "two"]) {
		const failed = await user.json(["status", (await user.taskInState(id, "failed")).id]);
		expect(failed).toMatchObject({ reason: "auth" });
		expect(failed.outcome?.message).toContain("/login");
	}
	await user.ok(["enqueue", "--id", "three", "Do it"]);
	await expect
		.poll(async () => (await user.json(["status", "three"])).hold)
		.toEqual({ kind: "auth", until: null });
	expect(await user.ok(["status", "three"])).toContain("dispatch doctor");
	expect(starts()).toHaveLength(2);
	expect(await user.json(["cancel", "three"])).toMatchObject([{ id: "three", state: "cancelled" }]);
	await user.waitForState("three", "cancelled");
});
