import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	closedGate,
	closedGates,
	holdUntil,
	lookAgain,
	noteLasting,
	openAfterSuccess,
	release,
} from "../../../src/queue/records/gates.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { RefusingRedis } from "../../refusing-redis.ts";
import { specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: { url: redis.url }, namespace: "gates", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const HOUR_MS = 3_600_000;
const of = (host: string, model: string | null, backend = "claude") => ({ host, backend, model });
const limit = (limited: string | null, kind: "rate_limited" | "unavailable" = "rate_limited") => ({
	kind,
	until: Date.now() + HOUR_MS,
	message: "No.",
	limited,
});

describe("a limit of one model", () => {
	test("holds that model however its id is spelled, and no other", async () => {
		await holdUntil(store, of("h1", "claude-opus-4-5"), limit("opus"));
		for (const model of ["opus", "claude-opus-4-5", "us.anthropic.claude-opus-4-1-v1:0"])
			expect(await closedGate(store, of("h1", model))).toMatchObject({ model: "opus" });
		for (const model of ["sonnet", null]) expect(await closedGate(store, of("h1", model))).toBeNull();
		expect(await closedGate(store, of("h1", "opus", "codex"))).toBeNull();
	});

	test("of the model in use, which nobody named, holds the tasks that run on it", async () => {
		await holdUntil(store, of("h2", null), limit(""));
		expect(await closedGate(store, of("h2", null))).not.toBeNull();
		expect(await closedGate(store, of("h2", "gpt-5"))).toBeNull();
	});

	test("of another name than the task's own model holds the task's model: it is what was refused", async () => {
		await holdUntil(store, of("h3", null), limit("opus"));
		expect(await closedGate(store, of("h3", null))).not.toBeNull();
	});

	test("the account's limit holds every model; of two gates the later end counts", async () => {
		await holdUntil(store, of("h4", "opus"), limit(null));
		await holdUntil(store, of("h4", "opus"), { ...limit("opus"), until: Date.now() + 5 * HOUR_MS });
		expect(await closedGate(store, of("h4", "sonnet"))).toMatchObject({ model: null });
		expect(await closedGate(store, of("h4", "opus"))).toMatchObject({ model: "opus" });
	});
});

describe("a gate is opened", () => {
	test("by a run that began after it was closed; one that began before says nothing of a limit", async () => {
		const { since } = await holdUntil(store, of("h5", "opus"), limit(null));
		expect(await openAfterSuccess(store, of("h5", "sonnet"), since - 1)).toBe(false);
		expect(await closedGate(store, of("h5", "opus"))).not.toBeNull();
		expect(await openAfterSuccess(store, of("h5", "sonnet"), since + 1)).toBe(true);
		expect(await closedGate(store, of("h5", "opus"))).toBeNull();
	});

	test("by any good run after an outage; the good run of another model leaves a model's gate alone", async () => {
		await holdUntil(store, of("h6", "opus"), limit(null, "unavailable"));
		await holdUntil(store, of("h6", "opus"), limit("opus"));
		expect(await openAfterSuccess(store, of("h6", "sonnet"), 0)).toBe(true);
		expect((await closedGates(store, "h6")).map(({ model }) => model)).toEqual(["opus"]);
	});

	test("by a person: what waits is looked at again at once", async () => {
		await store.create(specOf("waits", { host: "h7", backend: "claude" }));
		const { generation } = await store.need("waits");
		const gate = await holdUntil(store, of("h7", null), limit(null));
		await store.hold("waits", generation, { kind: "rate_limited", until: gate.until });
		await store.client.del(store.keys.outbox);
		expect(await release(store, "h7", gate)).toBe(true);
		expect((await store.need("waits")).hold).toBeNull();
		expect(await store.client.zrange(store.keys.outbox, "0", "-1")).toEqual([`waits ${generation} now`]);
	});
});

test("a login, or an empty account, holds from the second failure in a row on", async () => {
	for (const kind of ["auth", "billing"] as const) {
		const gated = of(`h8-${kind}`, null);
		await noteLasting(store, gated, kind, "No.");
		expect(await closedGate(store, gated)).toBeNull();
		await noteLasting(store, gated, kind, "No.");
		expect(await closedGate(store, gated)).toMatchObject({ kind, until: null });
	}
});

test("what is no gate holds nothing, stops nobody, and a real one takes its place", async () => {
	const bad = [
		"",
		"no json",
		"null",
		"[]",
		"7",
		"{}",
		'{"kind":"rate_limited","until":"soon"}',
		'{"kind":"x","until":null}',
	];
	const far = JSON.stringify({ kind: "rate_limited", until: 99_999_999_999_000, message: "", failures: 1 });
	for (const text of [...bad, far, '{"kind":"rate_limited","until":null,"failures":9}']) {
		await store.client.hset(store.keys.gates("h9"), "claude", text);
		expect(await closedGates(store, "h9")).toEqual([]);
		expect(await closedGate(store, of("h9", "opus"))).toBeNull();
	}
	for (const text of bad) {
		await store.client.hset(store.keys.gates("h9"), "claude", text);
		expect(await holdUntil(store, of("h9", null), limit(null))).toMatchObject({ failures: 1 });
		expect(await closedGate(store, of("h9", null))).not.toBeNull();
	}
});

test.each(["-1e300", "0", "1e300", '"2"'])(
	"a count that no gate has (%s) keeps a gate neither open for ever, nor closed",
	async (failures) => {
		const gated = of("h10", null);
		for (const since of ["-5", "9e300", "7"]) {
			const text = `{"kind":"auth","backend":"claude","model":null,"until":null,"message":"","failures":${failures},"since":${since}}`;
			await store.client.hset(store.keys.gates("h10"), "claude", text);
			await noteLasting(store, gated, "auth", "No.");
			expect(await noteLasting(store, gated, "auth", "No.")).toMatchObject({ failures: 2 });
			expect(await closedGate(store, gated)).toMatchObject({ kind: "auth" });
		}
	},
);

test("an end that cannot be takes the place of none that comes later, whoever wrote it", async () => {
	for (const until of [1e300, Date.now() + 99 * 24 * HOUR_MS]) {
		await holdUntil(store, of("h9", "opus"), { ...limit(null), until });
		await holdUntil(store, of("h9", "opus"), limit(null));
		expect((await closedGate(store, of("h9", "opus")))?.until).toBeLessThan(Date.now() + 41 * 24 * HOUR_MS);
		const written = {
			kind: "rate_limited",
			backend: "claude",
			model: null,
			until,
			message: "",
			failures: 1,
			since: 0,
		};
		await store.client.hset(store.keys.gates("h9"), "claude", JSON.stringify(written));
		await holdUntil(store, of("h9", "opus"), limit(null));
		expect((await closedGate(store, of("h9", "opus")))?.until).toBeLessThan(Date.now() + 2 * HOUR_MS);
	}
});

test("whoever opens a gate and is cut off anywhere: an open gate leaves no task behind that still waits for it", async () => {
	const proxy = new RefusingRedis(redis.socketPath);
	await proxy.start();
	const acts = [
		(cut: Store, host: string) => release(cut, host, { backend: "claude", model: null }),
		(cut: Store, host: string) => openAfterSuccess(cut, of(host, null), Date.now() + HOUR_MS),
	];
	const cut = await openStore({ target: { url: proxy.url }, namespace: "gates", role: "command" });
	let opened = 0;
	for (const [n, act] of acts.entries()) {
		for (let taken = 0; taken < 12; taken++) {
			const id = `held-${n}-${taken}`;
			const host = `h-${id}`;
			await store.create(specOf(id, { host: host, backend: "claude" }));
			const { generation } = await store.need(id);
			const { until } = await holdUntil(store, of(host, null), limit(null));
			await store.hold(id, generation, { kind: "rate_limited", until });
			proxy.taken = taken;
			proxy.errors = ["NOREPLICAS Not enough good replicas to write."];
			const done = await act(cut, host).catch(() => false);
			proxy.errors = [];
			const isOpen = (await closedGate(store, of(host, null))) === null;
			expect((await store.need(id)).hold === null, `${id}: ${done}`).toBe(isOpen);
			const told = await store.client.zscore(store.keys.outbox, `${id} ${generation} now`);
			expect(told !== null || !isOpen, `${id} goes on`).toBe(true);
			opened += Number(isOpen);
		}
	}
	expect(opened).toBeGreaterThan(2);
	await cut.close();
	await proxy.stop();
});

test("a changed config lets those look again whom a closed gate or the day holds; a wait of one's own stays", async () => {
	const gate = { ...limit(null), until: Date.now() + HOUR_MS };
	await holdUntil(store, of("again", "opus"), gate);
	const holds = {
		day: { kind: "budget", until: Date.now() + HOUR_MS },
		gated: { kind: "rate_limited", until: gate.until },
		// Longer than the gate: nobody else has seen that.
		"own-limit": { kind: "rate_limited", until: gate.until + HOUR_MS },
		"own-backoff": { kind: "backoff", until: Date.now() + HOUR_MS },
		"asked-later": { kind: "delayed", until: Date.now() + HOUR_MS },
	} as const;
	for (const [id, hold] of Object.entries(holds)) {
		await store.create(specOf(id, { host: "again", backend: "claude", model: "opus" }));
		await store.hold(id, (await store.need(id)).generation, hold);
	}
	await store.create(specOf("other-host", { host: "another", backend: "claude", model: "opus" }));
	await store.hold("other-host", (await store.need("other-host")).generation, holds.day);
	await lookAgain(store, "again");
	const held = async (id: string) => (await store.need(id)).hold?.kind ?? null;
	for (const id of ["day", "gated"]) expect(await held(id), id).toBeNull();
	for (const id of ["own-limit", "own-backoff", "asked-later", "other-host"])
		expect(await held(id), id).not.toBeNull();
	const outbox = await store.client.zrange(store.keys.outbox, "0", "-1");
	const hurried = outbox.filter((each) => each.endsWith(" now")).map((each) => each.split(" ")[0] ?? "");
	expect(hurried.filter((id) => id in holds)).toEqual(["day", "gated"]);
});
