import { afterAll, beforeAll, expect, test } from "vitest";
import { type RetryPlace, retryTasks } from "../../src/actions/retry.ts";
import { emptyConfig } from "../../src/config/config.ts";
import { Orders } from "../../src/config/orders.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { agentOf, type TaskRecord } from "../../src/task/record.ts";
import { agentChoiceOf } from "../../src/task/spec.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
const orders = new Orders(temporaryFolder("order"), "order");
beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	store = await openStore({ target: redis.target, namespace: "order", role: "command" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

test("a retry of several goes in the order in which they need each other, and is what each was asked", async () => {
	const place: RetryPlace = { config: emptyConfig(), orders, hostId: HOST };
	const make = async (id: string, ...after: string[]) => {
		const spec = specOf(id, { after });
		await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
	};
	await make("n1");
	await make("n2", "n1");
	await make("n3", "n1", "n2");
	await store.move({ id: "n1", from: ["queued"], to: "failed" });
	const request = { fresh: false, model: null, sign: false };
	expect(await store.stateOf("n3")).toBe("cancelled");
	expect(await retryTasks(store, place, ["n3"], request)).toMatchObject([
		{ refusal: { code: "DISPATCH_NEEDS" } },
	]);
	const each = await retryTasks(store, place, ["n3", "n2", "n1"], { ...request, fresh: true });
	expect(each).toMatchObject([{ done: { task: "n1" } }, { done: { task: "n2" } }, { done: { task: "n3" } }]);
	const states = await Promise.all(["n1", "n2", "n3"].map((id) => store.need(id)));
	expect(states.map(({ state, startMode }) => [state, startMode])).toEqual([
		["queued", "fresh"],
		["waiting", "fresh"],
		["waiting", "fresh"],
	]);
});

test("what is shown before it is signed is what is signed, also with another model", async () => {
	const config = emptyConfig();
	config.models.opus = { backend: "fake", id: null };
	const fake = { name: "fake", type: "command" as const, command: "true", modelFlag: false };
	config.backends.fake = { ...fake, permissions: null };
	const place: RetryPlace = { config, orders, hostId: HOST };
	const spec = specOf("s1", { permissions: "full", promptAddition: "At first" });
	const chosen = { ...spec, permissions: "read_only" as const, promptAddition: null };
	await store.create(spec);
	await store.move({ id: "s1", from: ["queued"], to: "failed", set: { chosen: agentChoiceOf(chosen) } });
	const shown: TaskRecord[] = [];
	await retryTasks(store, place, ["s1"], { fresh: false, model: "opus", sign: true }, async (records) => {
		shown.push(...records);
		return true;
	});
	const { signature } = await store.need("s1");
	expect(shown.map((record) => orders.isSigned({ ...record, signature }))).toEqual([true]);
	expect(shown.map(agentOf)).toMatchObject([{ permissions: "full", promptAddition: "At first" }]);
});
