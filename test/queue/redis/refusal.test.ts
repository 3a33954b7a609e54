/** Ways in which a server takes no writes while it answers reads: what waits says so, and so does doctor. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { viewTasks } from "../../../src/actions/views.ts";
import { withWaits } from "../../../src/actions/waits.ts";
import { checkRedis } from "../../../src/cli/doctor/check-redis.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { refusalOf } from "../../../src/queue/redis/refusal.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { HOST, specOf } from "../records/store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	const settings = ["--save", "3600 1000000", "--appendonly", "no", "--maxmemory-policy", "noeviction"];
	redis = await startTestRedis({ settings });
	store = await openStore({ target: redis.target, namespace: "test", role: "command" });
	await store.create(specOf("t"));
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const config = (name: string, value: string) => store.client.config("SET", name, value);
const snapshot = () => join(redis.folder, "dump.rdb");
async function saved(how: "ok" | "err"): Promise<void> {
	await store.client.bgsave();
	const info = () => store.client.info("persistence");
	await expect
		.poll(info, { timeout: CONDITION_LIMIT_MS })
		.toMatch(new RegExp(`rdb_bgsave_in_progress:0[^]*rdb_last_bgsave_status:${how}`));
}

const REFUSALS: [string, () => Promise<unknown>, () => Promise<unknown>, RegExp, RegExp][] = [
	[
		"it is full",
		() => config("maxmemory", "1"),
		() => config("maxmemory", "0"),
		/^Redis is full$/,
		/is full: OOM .*Give it more memory \(maxmemory\)/,
	],
	[
		"it cannot write to its disk",
		async () => {
			rmSync(snapshot(), { force: true });
			mkdirSync(snapshot());
			await saved("err");
		},
		async () => {
			rmSync(snapshot(), { recursive: true });
			await saved("ok");
		},
		/^Redis takes no writes$/,
		/MISCONF/,
	],
	[
		"it is a replica",
		() => store.client.replicaof("127.0.0.1", 1),
		() => store.client.replicaof("NO", "ONE"),
		/^Redis takes no writes$/,
		/READONLY/,
	],
	[
		"it has too few replicas",
		() => config("min-replicas-to-write", "1"),
		() => config("min-replicas-to-write", "0"),
		/^Redis takes no writes$/,
		/NOREPLICAS/,
	],
];

async function waits() {
	const here = () => ({ host: HOST, worker: "up" as const, pid: 1, instead: null });
	const [view] = await withWaits(store, await viewTasks(store, [await store.need("t")]), here);
	return view?.waits;
}

test.each(REFUSALS)("%s", async (_, harm, mend, why, text) => {
	const before = await store.client.dbsize();
	expect(await waits()).toMatchObject({ kind: "start" });
	await harm();
	try {
		const told = await waits();
		expect(told?.kind).toBe("redis");
		expect(told?.why).toMatch(why);
		expect(told?.text).toMatch(text);
		const findings = await checkRedis(redis.target, {}, { home: redis.folder, fix: false });
		const broken = findings.filter(({ level }) => level === "broken");
		expect(broken).toHaveLength(1);
		expect(`${broken[0]?.text} ${broken[0]?.fix}`).toMatch(text);
		expect(broken[0]?.fix).toMatch(/\w/);
	} finally {
		await mend();
	}
	expect(await waits()).toMatchObject({ kind: "start" });
	// Who asks writes nothing.
	expect(await store.client.dbsize()).toBe(before);
});

test("a user who may not write at all is told nothing by it: others may", async () => {
	await store.client.call("ACL", "SETUSER", "looks", "on", "nopass", "~*", "&*", "+@all", "-setrange");
	const looking = store.client.duplicate({ username: "looks", password: "x" });
	await looking.connect();
	expect(await refusalOf(looking, "nobodys", redis.target)).toBeNull();
	looking.disconnect();
});
