/** What was removed here never starts again, whatever somebody had written into its record before. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Place, removableTasks, removeIfEnded, removeTask } from "../../src/actions/remove.ts";
import { Orders } from "../../src/config/orders.ts";
import { claimRun } from "../../src/process/run-dir.ts";
import { sealedFacts } from "../../src/process/sealed-file.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { temporaryFolder } from "../temporary-folder.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "test", role: "service" });
});
afterEach(() => store.client.flushall());
afterAll(async () => {
	await store?.close();
	await redis?.stop();
});

const COPY = { why: "it is a copy of a task that was removed" };

async function stage(id: string, isStarted: boolean) {
	const place = { path: temporaryFolder("ro"), hostId: HOST };
	const orders = new Orders(place.path, store.namespace);
	const enqueue = async (name: string) => {
		const spec = specOf(name, { nonce: orders.newNonce(), cwd: place.path });
		await store.create(spec, { signature: orders.sign({ spec, host: HOST, chosen: null }) });
		return store.need(name);
	};
	const record = await enqueue(id);
	const { nonce: taskNonce, cwd } = record.spec;
	const facts = { task: id, epoch: 1, taskNonce, nonce: "n1", backend: "fake", cwd, taskDir: cwd };
	if (isStarted) claimRun(place.path, { ...facts, startedAt: 1, sessionId: null });
	return { place, orders, record, facts, enqueue };
}

/** Whether only the run directories can tell. */
const CHANGES: [string, boolean, (spec: object) => Record<string, string>][] = [
	["nothing", false, () => ({ state: "cancelled" })],
	["another host", false, () => ({ host: "other" })],
	["a host that is none", false, () => ({ host: "UP/../x" })],
	["no host", false, () => ({ host: "" })],
	["another nonce beside a damaged revision", false, () => ({ nonce: "A".repeat(16), revision: "x" })],
	["a nonce that is none", false, () => ({ nonce: "!", revision: "x" })],
	[
		"another nonce, host and signature",
		false,
		() => ({ nonce: "A".repeat(16), host: "other", signature: "x" }),
	],
	["another nonce in the spec", false, (spec) => ({ spec: JSON.stringify({ ...spec, nonce: "B" }) })],
	["no spec", false, () => ({ spec: "{x" })],
	["no spec and another nonce", true, () => ({ spec: "{x", nonce: "A".repeat(16) })],
	[
		"another nonce in both",
		true,
		(spec) => ({ nonce: "A".repeat(16), spec: JSON.stringify({ ...spec, nonce: "A".repeat(16) }) }),
	],
	[
		"another nonce in both and another host",
		true,
		(spec) => ({
			host: "x",
			nonce: "A".repeat(16),
			spec: JSON.stringify({ ...spec, nonce: "A".repeat(16) }),
		}),
	],
];
const CASES = CHANGES.flatMap(([name, needsRuns, change]) =>
	(needsRuns ? [true] : [true, false]).map((isStarted) => ({ name, isStarted, change })),
);

test.each(CASES)(
	"rm of an ended task with $name (started here: $isStarted): no copy of it starts",
	async (its) => {
		const { place, orders, record } = await stage("gone", its.isStarted);
		await store.cancel("gone", "me");
		await store.client.hset(store.keys.task("gone"), its.change(record.spec));
		const [found] = await removableTasks(store, ["gone"]);
		expect(orders.refusal(record)).toBeNull();
		await removeTask(store, found ?? { id: "", record }, place);
		expect(await store.exists("gone")).toBe(false);
		expect(orders.refusal(record)).toMatchObject(COPY);
	},
);

test.each(CASES.filter(({ name }) => /^(?:nothing|another host|another nonce in both)/.test(name)))(
	"prune of an ended task with $name (started here: $isStarted): no copy of it starts",
	async (its) => {
		const { place, orders, record } = await stage("gone", its.isStarted);
		await store.cancel("gone", "me");
		await store.client.hset(store.keys.task("gone"), its.change(record.spec));
		expect(await removeIfEnded(store, await store.need("gone"), place)).toMatchObject({ task: "gone" });
		expect(orders.refusal(record)).toMatchObject(COPY);
	},
);

test.each([
	["lines that name another task's", (first: string) => `x\n${first}`],
	["lines that name another task with its id", (first: string) => `x\nfirst ${first}`],
	["a list", (first: string) => [first]],
	["an object", (first: string) => ({ [first]: 1 })],
	["a number", () => 7],
])("%s as the nonce in the facts of a start spend no other task's order", async (_, lie) => {
	const { place, orders, record, facts, enqueue } = await stage("gone", true);
	const first = await enqueue("first");
	const run = join(place.path, "runs", "gone", "1", "run.json");
	writeFileSync(run, JSON.stringify({ ...facts, taskNonce: lie(first.spec.nonce) }));
	await store.cancel("gone", "me");
	for (const each of await removableTasks(store, ["gone"])) await removeTask(store, each, place);
	expect(orders.refusal(first)).toBeNull();
	expect(orders.refusal(record)).toMatchObject(COPY);
});

const BOTH = CHANGES.find(([name]) => name === "another nonce in both")?.[2] ?? (() => ({}));

test.each(["rm", "prune"].flatMap((which) => [false, true].map((isSealed) => ({ which, isSealed }))))(
	"starts that an agent makes up fill no disk by $which, and push no true one out (sealed: $isSealed)",
	async ({ which, isSealed }) => {
		const { place, orders, record, facts } = await stage("gone", true);
		const runs = join(place.path, "runs", "gone");
		const started = { ...facts, startedAt: 1, sessionId: null };
		// One that was put in elsewhere is known by its start alone.
		const nonce = isSealed ? "of-another-key" : record.spec.nonce;
		const own = isSealed ? sealedFacts({ ...started, taskNonce: nonce }, orders.seals) : started;
		writeFileSync(join(runs, "1", "run.json"), JSON.stringify(own));
		for (let epoch = 2; epoch < 3_000; epoch++) {
			mkdirSync(join(runs, String(epoch)));
			const lie = { ...facts, epoch, taskNonce: `made-up-${epoch}` };
			writeFileSync(join(runs, String(epoch), "run.json"), JSON.stringify(lie));
		}
		await store.cancel("gone", "me");
		await store.client.hset(store.keys.task("gone"), BOTH(record.spec));
		for (const each of await removableTasks(store, ["gone"]))
			await (which === "rm" ? removeTask(store, each, place) : prune(each.record, place));
		const spec = { ...record.spec, nonce };
		const copy = { ...record, spec, signature: orders.sign({ ...record, spec }) };
		expect(orders.refusal(copy)).toMatchObject(COPY);
		const spent = readFileSync(join(place.path, "removed-tasks"), "utf8").split("\n").filter(Boolean);
		expect(spent.length).toBeLessThanOrEqual(1_000);
	},
);

test("the nonce of another task, in a record or in the facts of a start, takes that task nothing when it is removed", async () => {
	const { place, orders, record, facts, enqueue } = await stage("gone", true);
	const others = [await enqueue("first"), await enqueue("second")];
	const [first, second] = others.map(({ spec }) => spec.nonce);
	const run = join(place.path, "runs", "gone", "1", "run.json");
	writeFileSync(run, JSON.stringify({ ...facts, taskNonce: first }));
	await store.cancel("gone", "me");
	await store.client.hset(store.keys.task("gone"), { nonce: second ?? "", revision: "x" });
	for (const each of await removableTasks(store, ["gone"])) await removeTask(store, each, place);
	for (const other of others) expect(orders.refusal(other)).toBeNull();
	expect(orders.refusal(record)).toMatchObject(COPY);
	expect(orders.refusal(await enqueue("gone"))).toBeNull();
});

test.each(["rm", "prune"])(
	"%s of a task whose starts cannot be looked at takes its record, spends its order and tells of it; the others go with it",
	async (which) => {
		const { place, orders, record, enqueue } = await stage("gone", false);
		const other = await enqueue("other");
		// A link to itself: nobody can look there, not even root.
		mkdirSync(join(place.path, "runs"));
		symlinkSync(join(place.path, "runs", "gone"), join(place.path, "runs", "gone"));
		for (const id of ["gone", "other"]) await store.cancel(id, "me");
		const faults: (string | null | undefined)[] = [];
		for (const each of await removableTasks(store, ["gone", "other"])) {
			const done = which === "rm" ? removeTask(store, each, place) : prune(each.record, place);
			faults.push((await done)?.fault);
		}
		expect(faults).toEqual([
			expect.stringMatching(/^Not every start of `gone` could be looked at: .*runs\/gone/),
			null,
		]);
		for (const each of [record, other]) {
			expect(await store.exists(each.spec.id)).toBe(false);
			expect(orders.refusal(each)).toMatchObject(COPY);
		}
	},
);

function prune(record: TaskRecord | null, place: Place) {
	if (record === null) throw new Error("Its record is damaged.");
	return removeIfEnded(store, record, place);
}
