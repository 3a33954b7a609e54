/** `--after`: tasks that wait for others, with real workers, agents and servers. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { JSON_SCHEMAS } from "../../src/cli/commands/schemas.ts";
import { CONDITION_LIMIT_MS, WAIT_LIMIT } from "../patience.ts";
import { type Task, User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";

let user: User;
afterEach(() => user?.cleanup());

const inProject = (name: string) => readFileSync(join(user.project, name), "utf8");
const kill = (pid: number | undefined | null) => process.kill(pid ?? 0, "SIGKILL");
const killRedis = () => kill(user.processes().find(({ command }) => command.startsWith("redis-server"))?.pid);
const states = async () =>
	Object.fromEntries((await user.json<Task[]>(["ls", "--all"])).map(({ id, state }) => [id, state]));

/** Kills the worker while it asks and Redis once it was answered; who comes next starts all the same. */
async function throughKills(id: string): Promise<void> {
	await user.waitForState(id, "asking");
	kill(user.daemonPid());
	await user.ok(["answer", id, `word-of-${id}`]);
	killRedis();
	await user.ok(["up"]);
	expect(await user.taskInState(id, "completed")).toMatchObject({ attempt: 1, epoch: 1 });
}

test("a diamond over kill -9 of worker and Redis at every step: each once, in order, with the reports", async () => {
	user = new User({ agent: "reports-in-order.sh", agents: { quick: "writes-report.sh" } });
	await user.ok(["enqueue", "--id", "before", "--model", "quick", "Do it", "--wait"]);
	await user.ok(["enqueue", "--id", "a", "Do it"]);
	for (const id of ["b", "c"]) await user.ok(["enqueue", "--id", id, "--after", "a", "Do it"]);
	const after = ["--after", "before", "--after", "b,c"];
	expect(await user.ok(["enqueue", "--id", "d", ...after, "--dry-run", "Do it"])).toContain(
		"It starts once `before`, `b` and `c` have completed.",
	);
	const said = await user.ok(["enqueue", "--id", "d", ...after, "Do it"]);
	expect(said).toContain("It starts once `b` and `c` have completed.");
	await throughKills("a");
	await throughKills("b");
	expect(await user.json(["status", "d"])).toMatchObject({ state: "waiting", waitsFor: ["c"] });
	await throughKills("c");
	await throughKills("d");
	const order = inProject("order").trimEnd().split("\n");
	expect([...order].sort()).toEqual(["a", "b", "c", "d"].flatMap((id) => [`${id} ends`, `${id} starts`]));
	expect(order.slice(0, 2)).toEqual(["a starts", "a ends"]);
	expect(order.slice(-2)).toEqual(["d starts", "d ends"]);
	const prompt = inProject("prompt-d");
	for (const report of ["Nothing was found.", "The word of b is word-of-b.", "The word of c is word-of-c."])
		expect(prompt).toContain(`\n> ${report}`);
	for (const id of ["before", "b", "c"]) expect(prompt).toContain(user.taskFile(id, "output.md"));
	expect(prompt).not.toContain("word-of-a");
});

test("what does not complete skips what needs it, with a true exit code; its retry wakes that", async () => {
	user = new User({ agent: "writes-report.sh" });
	const fails = ["--verify", "test -e good", "--attempts", "1"];
	const a = await user.run(["enqueue", "--id", "a", ...fails, "Do it", "--wait"]);
	expect(a.code).toBe(1);
	const b = await user.run(["enqueue", "--id", "b", "--after", "a", "Do it", "--wait"]);
	expect(b.code).toBe(1);
	expect(b.stdout).toContain("Not started: it needs `a`, which failed. To start both: dispatch retry a");
	await user.ok(["enqueue", "--id", "c", "--after", "b", "Do it"]);
	expect(await states()).toEqual({ a: "failed", b: "cancelled", c: "cancelled" });
	const refused = await user.run(["retry", "c"]);
	expect(refused).toMatchObject({ code: 8 });
	expect(refused.stderr).toMatch(
		/`c` needs `b`, which was skipped because of `a`, which failed\. Start that again, .*: dispatch retry a\. /,
	);
	await user.ok(["enqueue", "--id", "never", "--delay", "1h", "Do it"]);
	await user.ok(["cancel", "never"]);
	expect(await user.ok(["status"])).toMatch(/^1 failed, 1 cancelled, 2 skipped\. /);
	expect(JSON_SCHEMAS.status.parse(await user.json(["status"]))).toMatchObject({
		counts: { failed: 1, cancelled: 3 },
		skipped: 2,
	});
	await user.ok(["rm", "never"]);
	expect(await user.ok(["ls", "--all"])).toMatch(
		/^c .* skipped +.* needs `a`, by way of `b`, which failed\.$/m,
	);
	user.write("good", "");
	await user.ok(["retry", "c", "b", "a"]);
	await user.ok(["wait", "a", "b", "c", "--timeout", WAIT_LIMIT]);
	expect(await states()).toEqual({ a: "completed", b: "completed", c: "completed" });
});

test("whoever waits for a task or follows it is told what one asks that it needs, each question once, and waits on", async () => {
	user = new User({ agent: "reports-in-order.sh", agents: { quick: "writes-report.sh" } });
	await user.ok(["enqueue", "--id", "a", "Do it"]);
	await user.ok(["enqueue", "--id", "b", "--after", "a", "Do it"]);
	await user.ok(["enqueue", "--id", "c", "--model", "quick", "--after", "b", "Do it"]);
	const wait = ["wait", "c", "--timeout", WAIT_LIMIT];
	const question = [...wait, "--for", "question"];
	const ways = [
		question,
		wait,
		[...question, "--cursor", "seen"],
		[...question, "--json"],
		["logs", "-f", "c"],
	];
	const waiting = [...ways, [...question, "--quiet"]].map((args) => {
		const child = user.start(args);
		const heard = { child, stderr: "", stdout: "" };
		child.stderr?.on("data", (chunk: Buffer) => {
			heard.stderr += chunk.toString();
		});
		child.stdout?.on("data", (chunk: Buffer) => {
			heard.stdout += chunk.toString();
		});
		return heard;
	});
	const host = await hostAgentOf(user);
	const told = (id: string) =>
		`dispatch: \`${id}\`, which \`c\` needs, asks: "What is the word?" Answer with: dispatch answer ${id} "…"\n`;
	const loud = waiting.slice(0, ways.length);
	for (const id of ["a", "b"]) {
		for (const heard of loud) await expect.poll(() => heard.stderr).toContain(told(id));
		for (const { child } of waiting) expect(child.exitCode).toBe(null);
		const args = { name: "wait", arguments: { ids: ["c"], timeoutSeconds: 0 } };
		const events = [await host.callTool(args), await host.callTool(args)].map(
			({ structuredContent }) => (structuredContent as { event: object | null }).event,
		);
		expect(events).toEqual([
			expect.objectContaining({ kind: "asked", task: id, question: "What is the word?" }),
			null,
		]);
		await user.ok(["answer", id, "blue"]);
	}
	for (const { child } of waiting)
		await expect.poll(() => child.exitCode, { timeout: CONDITION_LIMIT_MS }).toBe(0);
	await host.close();
	for (const { stderr } of loud) expect(stderr).toBe(told("a") + told("b"));
	expect(waiting.at(-1)?.stderr).toBe("");
	for (const { stdout } of waiting) expect(stdout).not.toContain("What is the word?");
	expect(waiting[0]?.stdout).toContain("`c` complete.");
});

test("a waiting task says for whom; nobody waits for one that a person has to look at", async () => {
	user = new User({ agents: { parks: "asks-and-parks.sh", quick: "writes-report.sh" } });
	const unknown = await user.run(["enqueue", "--after", "a", "Do it"]);
	expect(unknown).toMatchObject({ code: 6 });
	expect(unknown.stderr).toContain('There is no task "a" to wait for.');
	expect(await user.run(["enqueue", "--id", "a", "--after", "a", "Do it"])).toMatchObject({ code: 2 });
	expect(existsSync(join(user.project, ".dispatch/tasks"))).toBe(false);
	await user.ok(["enqueue", "--id", "a", "--model", "parks", "Do it"]);
	await user.ok(["enqueue", "--id", "b", "--model", "quick", "--after", "a", "Do it"]);
	expect(await user.ok(["ls"])).toContain("after a");
	expect(await user.ok(["status", "b"])).toMatch(/Waits for a \((queued|running|asking|parked)\)\./);
	await user.waitForState("a", "parked");
	const held = await user.run(["wait", "b", "--timeout", WAIT_LIMIT]);
	expect(held).toMatchObject({ code: 3 });
	expect(held.stdout).toContain("`b` waits for a, which a person has to look at first: dispatch status a");
	await user.ok(["answer", "a", "8080"]);
	await user.ok(["wait", "b", "--timeout", WAIT_LIMIT]);
	const events = (await user.ok(["logs", "b", "--events"])).split("\n").filter(Boolean);
	expect(events.map((line) => line.split(" ")[2])).toEqual(["created", "queued", "started", "completed"]);
	await user.ok(["enqueue", "--id", "c", "--after", "b", "--delay", "1h", "Do it"]);
	await user.ok(["prune", "--older-than", "1ms", "--yes"]);
	expect(Object.keys(await states()).sort()).toEqual(["b", "c"]);
	await user.ok(["rm", "b"]);
	expect(await user.ok(["cancel", "c"])).toContain("Cancelled `c`.");
});

test("a batch goes in the order of its needs, is whole or not there, and finds its tasks again", async () => {
	user = new User({ agent: "writes-report.sh" });
	const file = (needs: string) =>
		user.write(
			"tasks.yaml",
			`- { id: all, prompt: Do it, needs: ["part-{{item}}"${needs}] }\n- { id: "part-{{item}}", prompt: Do it, foreach: [a, b] }\n`,
		);
	const refused = await user.run(["batch", file(", before"), "--key", "k"]);
	expect(refused).toMatchObject({ code: 2 });
	expect(refused.stderr).toMatch(
		/tasks\.yaml:1:54: \[0\]\.needs\[1\]: there is no task "before", neither in/,
	);
	expect(await states()).toEqual({});
	await user.ok(["enqueue", "--id", "before", "Do it", "--wait"]);
	const told = await user.ok(["batch", file(", before"), "--key", "k", "--wait", "--timeout", WAIT_LIMIT]);
	const timesOf = (id: string) => user.json<{ startedAt: string; endedAt: string }>(["status", id]);
	const [all, ...parts] = await Promise.all(["all", "part-a", "part-b"].map(timesOf));
	for (const { endedAt } of parts) expect(endedAt <= (all?.startedAt ?? "")).toBe(true);
	expect(told).toMatch(/^3 completed in /m);
	await user.ok(["rm", "before"]);
	expect(await user.ok(["batch", file(", before"), "--key", "k"])).toContain(
		"`all` was dispatched before under the same key.",
	);
});
