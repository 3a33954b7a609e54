/** Variables that were kept for tasks which are gone: one that cannot be removed keeps none of the others. */
import { lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dropUnusedEnvs } from "../../src/host/unused-envs.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

test("a directory in the place of one, or a link to itself, is told, and all the others go", async () => {
	const home = temporaryFolder("ue");
	const folder = join(home, "task-env");
	mkdirSync(join(folder, "b.nonce", "inside"), { recursive: true });
	for (const name of ["a.nonce", "c.nonce", "e.nonce"]) writeFileSync(join(folder, name), "{}");
	symlinkSync(join(folder, "d.nonce"), join(folder, "d.nonce"));
	for (const name of ["a", "b", "c", "e"]) utimesSync(join(folder, `${name}.nonce`), 1, 1);
	lutimesSync(join(folder, "d.nonce"), 1, 1);
	await expect(dropUnusedEnvs(store, home)).rejects.toThrow(/b\.nonce/);
	expect(readdirSync(folder)).toEqual(["b.nonce"]);
});
