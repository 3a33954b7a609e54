/**
 * Every command, and the worker, over a Redis in which something is damaged: the other tasks are seen and go on, no
 * command ends by a fault of ours, and what is damaged can be removed. A few kinds of damage by a seed; more by hand
 * with DISPATCH_TEST_DAMAGES=100. (Every field of every key, without the command line: queue/records/damage.)
 */
import { once } from "node:events";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random, SEED } from "../chance.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";
import { hostAgentOf } from "./mcp-host.ts";
import { webPages } from "./web-pages.ts";

const COUNT = Number(process.env.DISPATCH_TEST_DAMAGES) || 1;
/** docs/CLI.md; 70 is a fault of ours */
const FAULT = 70;
const LIMIT_MS = (1 + COUNT) * TEST_LIMIT_MS;

const VALUES = [
	"{x",
	"[1]",
	'{"id":"\\ud83d"}',
	"-5",
	"9e300",
	"",
	"\u001b]0;owned\u0007$(id)",
	"x".repeat(2 ** 20),
];

let user: User;
let client: Redis;
beforeAll(async () => {
	user = new User({ agent: "ten-line.sh" });
	for (const id of ["victim", "bystander"]) await user.ok(["enqueue", "--id", id, "Ask"]);
	for (const id of ["victim", "bystander"]) await user.waitForState(id, "asking");
	client = new Redis({ path: join(user.home, "redis/redis.sock") });
	// A record that cannot be read stands in every list, whatever the seed damages beside it.
	await user.ok(["enqueue", "--id", "unread", "--delay", "1h", "Do it"]);
	await client.hset("{dispatch:default}:task:unread", "spec", "{x");
});
afterAll(async () => {
	client.disconnect();
	await user.cleanup();
});

interface Damage {
	name: string;
	do(): Promise<unknown>;
	undo(): Promise<unknown>;
}

/** One key, or one field of it. */
async function damageOf(key: string, random: Random): Promise<Damage> {
	const value = VALUES[random.below(VALUES.length)] ?? "";
	const kept = (await client.dumpBuffer(key)) as Buffer;
	const undo = () => client.restore(key, 0, kept, "REPLACE");
	const type = await client.type(key);
	const fields = type === "hash" ? await client.hkeys(key) : [];
	const field = fields[random.below(fields.length)];
	const how = random.below(3);
	const shown = JSON.stringify(value.slice(0, 20));
	if (how === 0)
		return { name: `${key} of another type`, do: () => client.multi().del(key).lpush(key, "x").exec(), undo };
	if (field !== undefined) {
		const gone = how === 1;
		const act = () => (gone ? client.hdel(key, field) : client.hset(key, field, value));
		return { name: `${field} of ${key} ${gone ? "gone" : shown}`, do: act, undo };
	}
	if (type === "zset") return { name: `${shown} in ${key}`, do: () => client.zadd(key, 1, value), undo };
	if (type === "stream")
		return { name: `${shown} in ${key}`, do: () => client.xadd(key, "*", "e", value), undo };
	if (type === "set") return { name: `${shown} in ${key}`, do: () => client.sadd(key, value), undo };
	return { name: `${shown} as ${key}`, do: () => client.set(key, value), undo };
}

/** Each of them tells of a task that asks, whatever is damaged beside it. */
const LISTS = [
	["ls"],
	["ls", "--all", "--json"],
	["status"],
	["status", "--json"],
	["questions"],
	["questions", "--json"],
	["inbox"],
];

const READS = [
	...LISTS,
	["status", "victim"],
	["status", "later"],
	["logs", "victim"],
	["logs", "--events", "victim"],
	["output", "victim"],
	["wait", "victim", "--timeout", "0s"],
	["wait", "--any", "--timeout", "0s"],
	["doctor"],
	["notify"],
	["templates"],
	["config", "show"],
	["completion", "bash"],
	["prune", "--older-than", "1d", "--dry-run"],
	["note", "later", "A word"],
	["answer", "later", "yes"],
];

async function everyCommand(): Promise<string[]> {
	const tasks = user.write("tasks.yaml", "- { prompt: Work, delay: 1h }\n");
	const faults: string[] = [];
	for (const args of [...READS, ["batch", tasks, "--key", "nightly"], ["retry", "later"]]) {
		const { code, stdout, stderr } = await user.run(args);
		if (LISTS.includes(args) && !`${stdout}${stderr}`.includes("bystander"))
			faults.push(`${args.join(" ")} lists no bystander: ${code} ${stdout}${stderr}`);
		if (code === null || code === FAULT || /\n\s+at /.test(stderr))
			faults.push(`${args.join(" ")}: ${code} ${stderr}`);
	}
	const watching = user.start(["watch"]);
	watching.stdout?.once("data", () => watching.kill("SIGINT"));
	const [code] = await once(watching, "exit");
	if (code === FAULT) faults.push("watch");
	const host = await hostAgentOf(user);
	for (const name of ["list", "questions"]) {
		const text = JSON.stringify(await host.callTool({ name, arguments: {} }));
		if (!text.includes("bystander")) faults.push(`mcp ${name}: ${text}`);
	}
	await host.close();
	const pages = await webPages(user, ["/", "/task/victim", "/task/bystander"]);
	if (!pages[2]?.includes("bystander")) faults.push(`web: ${pages[2]}`);
	return faults;
}

test(
	`${COUNT} kinds of damage of seed ${SEED}`,
	async () => {
		const random = new Random(SEED);
		const daemon = user.daemonPid();
		for (let n = 0; n < COUNT; n++) {
			await user.ok(["enqueue", "--id", "later", "--delay", "1h", "Do it"]);
			const keys = (await client.keys("{dispatch:default}:*")).sort();
			const own = keys.filter((key) => key.endsWith(":victim") || key.endsWith(":later"));
			const among = random.next() < 0.5 ? own : keys;
			const damage = await damageOf(among[random.below(among.length)] ?? "", random);
			await damage.do();
			expect(await everyCommand(), damage.name).toEqual([]);
			expect(await user.ok(["ls", "--all"]), damage.name).toContain("bystander");
			await user.run(["cancel", "later"]);
			await user.ok(["rm", "later"]);
			expect(await user.ok(["ls", "--all"]), damage.name).not.toContain("later");
			await damage.undo();
			console.log(`${n + 1} of ${COUNT}: ${damage.name.slice(0, 160)}`);
		}
		await user.ok(["cancel", "unread"]);
		await user.ok(["rm", "unread"]);
		await user.ok(["answer", "bystander", "blue"]);
		await user.waitForState("bystander", "completed");
		expect(user.daemonPid()).toBe(daemon);
	},
	LIMIT_MS,
);
