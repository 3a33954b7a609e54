/** What is damaged in Redis, and an agent that no task follows any more, is told wherever somebody looks. */
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { killIfThere } from "../processes.ts";
import { User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";
import { webPages } from "./web-pages.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };
const recordKey = "{dispatch:default}:task:broken";

let user: User;
let client: Redis;
beforeEach(() => {
	user = new User({ agent: "ten-line.sh" });
});
afterEach(async () => {
	client?.disconnect();
	await user.cleanup();
});

async function mcpList(): Promise<string> {
	const host = await hostAgentOf(user);
	try {
		return JSON.stringify((await host.callTool({ name: "list", arguments: {} })).structuredContent);
	} finally {
		await host.close();
	}
}

test("a damaged record: status, ls, doctor, MCP, the web's pages; its agent: status, doctor, down", async () => {
	await user.ok(["enqueue", "--id", "broken", "Ask"]);
	await user.waitForState("broken", "asking");
	// Nobody follows it meanwhile: only looking is asked for.
	killIfThere(user.daemonPid() ?? 0);
	client = new Redis({ path: join(user.home, "redis/redis.sock") });
	await client.hset(recordKey, "spec", "{x");
	client.disconnect();
	const why = "spec is not JSON";
	expect(await user.ok(["status"])).toContain("No task can be read.");
	for (const args of [["status"], ["ls"], ["ls", "--all"]]) expect(await user.ok(args)).toContain(why);
	expect(await user.json(["status"])).toMatchObject({
		damaged: [{ id: "broken" }],
		leftAgents: [{ task: "broken", start: 1, why: `its record is damaged: ${why}` }],
	});
	expect(await user.ok(["status"])).toMatch(/broken.*start 1.*its record is damaged/);
	const { stdout } = await user.run(["doctor"]);
	expect(stdout).toContain('The record of "broken" in Redis is damaged: spec is not JSON.');
	expect(stdout).toContain("The agent of broken, start 1, lives and no task follows it");
	expect(await mcpList()).toContain(why);
	for (const page of await webPages(user, ["/", "/task/broken"])) expect(page).toContain(why);
	await user.ok(["down", "--stop-agents"]);
	await expect.poll(() => user.processes().filter(({ run }) => run !== null), LIMIT).toEqual([]);
	// What became of it nobody knows: that is no good end of everything that was open.
	for (const args of [["wait"], ["wait", "--any"]])
		expect((await user.run(args)).code, args.join(" ")).toBe(8);
	expect(await user.json(["cancel", "broken"])).toMatchObject([{ id: "broken", state: "damaged" }]);
	await user.ok(["rm", "broken"]);
	expect(await user.ok(["status"])).toContain("No tasks yet.");
});
