/** What a command of every day loads and waits for: the bench has the times, these are their causes. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { FarRedis } from "../far-redis.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** A start reads all of it, and half a megabyte takes a tenth of an empty Node program's time. */
const HOT_LIMIT_BYTES = 750_000;
const CLIENT_LIMIT_BYTES = 1_400_000;

let redis: TestRedis;
let far: FarRedis;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	far = new FarRedis(redis.socketPath);
	await far.start();
	user = new User({ agent: "ten-line.sh", redis: far.url });
	await user.ok(["enqueue", "--id", "shed", "Paint the shed"]);
	await user.waitForState("shed", "asking");
});
afterAll(async () => {
	await user.cleanup();
	far.stop();
	await redis.stop();
});

/** Round trips: the first is the greeting. */
const TRIPS: [string[], number][] = [
	[["status", "shed"], 3],
	[["ls"], 4],
	[["enqueue", "Again"], 3],
	[["enqueue", "--id", "named", "Again"], 2],
	[["answer", "shed", "Blue"], 4],
	[["complete", "--", "cancel", ""], 2],
];

test.each(TRIPS)("%j opens one connection and waits for Redis %i times", async (args, limit) => {
	const trips = await far.roundTrips(() => user.ok(args));
	expect(trips).toHaveLength(1);
	expect(trips[0]).toBeLessThanOrEqual(limit);
});

test("the twentieth task of one name finds its number in a few round trips", async () => {
	for (let n = 0; n < 20; n++) await user.ok(["enqueue", "--id", n === 0 ? "alike" : `alike-${n + 1}`, "x"]);
	const trips = await far.roundTrips(() => user.ok(["enqueue", "Alike"]));
	expect(trips[0]).toBeLessThanOrEqual(8);
});

describe("a start loads what it uses", () => {
	const out = join(temporaryFolder("loaded"), "loaded.json");
	const probe = join(temporaryFolder("probe"), "probe.cjs");
	writeFileSync(
		probe,
		`process.once("exit", () => require("node:fs").writeFileSync(${JSON.stringify(out)}, JSON.stringify({
			files: Object.keys(require.cache), builtins: process.moduleLoadList })));`,
	);

	async function loaded(by: User, args: string[]): Promise<{ files: string[]; builtins: string[] }> {
		await by.ok(args, { env: { NODE_OPTIONS: `--require ${probe}` } });
		const { files, builtins } = JSON.parse(readFileSync(out, "utf8")) as Record<string, string[]>;
		return {
			files: (files ?? []).map((path) => basename(path)).filter((name) => name !== "probe.cjs"),
			builtins: (builtins ?? []).map((name) => name.replace("NativeModule ", "")),
		};
	}

	// Tab runs one script, which is known to Redis by its digest.
	test.each<[string[], string[]]>([
		// Of a queued task it says whether its host would refuse it, which is a signature.
		[["ls"], []],
		[["status", "shed"], ["crypto"]],
		[["questions"], ["crypto"]],
		[["complete", "--", "rm", ""], []],
	])("%j", async (args, slow) => {
		await user.ok(args);
		const { files, builtins } = await loaded(user, args);
		// The hot bundle itself comes out of the code cache; what else it requires would be listed.
		expect(files).toEqual(["dispatch.cjs"]);
		expect(builtins).toContain("net");
		for (const name of [...slow, "child_process", "tls", "http", "readline"])
			expect(builtins).not.toContain(name);
	});

	test("a changed config is read once more, with its packages, and then no more", async () => {
		// Without a worker, which reads a changed config too.
		const other = new User({ agent: "ten-line.sh", redis: far.url });
		try {
			const path = join(other.home, "config.yaml");
			const asRead = ["dispatch.cjs"];
			const withPackages = expect.arrayContaining(["yaml.cjs", "zod.cjs"]);
			expect((await loaded(other, ["ls"])).files).toEqual(withPackages);
			expect((await loaded(other, ["ls"])).files).toEqual(asRead);
			writeFileSync(path, `${readFileSync(path, "utf8")}\n# changed\n`);
			expect((await loaded(other, ["ls"])).files).toEqual(withPackages);
			expect((await loaded(other, ["ls"])).files).toEqual(asRead);
		} finally {
			await other.cleanup();
		}
	});

	test.each<string[][]>([[["wait", "shed"]], [["logs", "shed"]], [["up"]]])(
		"%j, as every command that is soon over, has neither BullMQ nor a server",
		async (args) => {
			await user.ok(args);
			expect((await loaded(user, args)).files).toEqual(["dispatch.cjs"]);
			expect(statSync(join(PROGRAM, "../client.cjs")).size).toBeLessThan(CLIENT_LIMIT_BYTES);
		},
	);

	test("the hot bundle stays small", () => {
		expect(statSync(join(PROGRAM, "../hot.cjs")).size).toBeLessThan(HOT_LIMIT_BYTES);
	});
});
