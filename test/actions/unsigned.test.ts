/** What this host will refuse to start is told before it does, with a next step that fits. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { overviewOf } from "../../src/actions/overview.ts";
import { refusedOf, unsignedTexts } from "../../src/actions/unsigned.ts";
import { Orders } from "../../src/config/orders.ts";
import { spendOrder } from "../../src/config/spent-orders.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { HOST, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const NAMESPACE = "unsigned";
const path = temporaryFolder("unsigned");
const orders = new Orders(path, NAMESPACE);
const place = { path, hostId: HOST };
let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: NAMESPACE, role: "command" });
});
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

async function signed(id: string, changes: Partial<TaskSpec> = {}): Promise<TaskSpec> {
	const spec = specOf(id, changes);
	await store.create(spec, { signature: orders.sign({ spec, host: spec.host, chosen: null }) });
	return spec;
}

async function told(): Promise<Record<string, { text: string; fix: string }>> {
	const { open } = await overviewOf(store);
	const texts = open.flatMap((record) => {
		const [text] = unsignedTexts(refusedOf([record], place, NAMESPACE));
		return text === undefined ? [] : [[record.spec.id, text] as const];
	});
	return Object.fromEntries(texts);
}

test("why, and what to do: without a signature, by another key, a copy, at work; others' tasks are theirs", async () => {
	await store.create(specOf("without"));
	await signed("copy").then(({ nonce }) => spendOrder(path, nonce));
	await signed("replaced");
	await runningTask(store, "works", {}, orders);
	await signed("elsewhere", { host: "h2" });
	expect(Object.keys(await told()).sort()).toEqual(["copy", "without"]);
	rmSync(join(path, "signing-key"));
	await signed("fresh");
	const { without, copy, replaced, works, ...others } = await told();
	expect(others).toEqual({});
	expect(without?.text).toMatch(/^`without` will not be started: it carries no signature/);
	expect(replaced?.text).toMatch(/^`replaced` will not be started: .*the key was replaced/);
	expect(replaced?.fix).toContain("dispatch cancel replaced, then dispatch retry replaced --sign");
	// Signed by nobody any more: what it is a copy of comes first to mind only where the signature is good.
	expect(copy?.text).toMatch(/^`copy` will not be started/);
	expect(works?.text).toMatch(
		/^`works` is at work, but will not be started again, nor be called done by a worker that began since/,
	);
	// An agent at work is nothing to be cancelled.
	expect(works?.fix).toMatch(/^Let it go on.*--sign$/);
});

test("a good copy of a removed task can be vouched for by nobody: no step leads there", async () => {
	const { nonce } = await signed("again");
	const record = await store.need("again");
	spendOrder(path, nonce);
	const [only] = unsignedTexts(refusedOf([record], place, NAMESPACE));
	expect(only?.text).toBe("`again` will not be started: it is a copy of a task that was removed.");
	expect(only?.fix).toBe("Take it away: dispatch cancel again, then dispatch rm again");
	expect(() => orders.requireNoCopy(record)).toThrow(/copy of a task that was removed/);
	expect(() => orders.require(record)).toThrow(
		expect.objectContaining({ hint: expect.not.stringContaining("--sign") }),
	);
});

test("of many the first are named, the others counted", async () => {
	const specs = Array.from({ length: 7 }, (_, n) => specOf(`many-${n}`));
	for (const spec of specs) await store.create(spec);
	const records = await store.getMany(specs.map(({ id }) => id));
	const texts = unsignedTexts(refusedOf(records, place, NAMESPACE)).map(({ text }) => text);
	expect(texts).toHaveLength(4);
	expect(texts.at(-1)).toBe("4 more tasks will not be started either.");
});
