/** Why a task waits that stands in line behind a gate: the gate, whatever else is told of its host. */
import { expect, test } from "vitest";
import { viewTasks } from "../../src/actions/views.ts";
import { type Here, withWaits } from "../../src/actions/waits.ts";
import { holdUntil, noteLasting } from "../../src/queue/records/gates.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { HOST, specOf } from "../queue/records/store-support.ts";
import { withStore } from "../queue/stage.ts";

let store: Store;
withStore("command", (made) => {
	store = made;
});

const HOUR_MS = 3_600_000;
const AGENT = { backend: "a", model: "opus" };

const closeUntil = (kind: "rate_limited" | "unavailable", limited: string | null) =>
	holdUntil(store, { host: HOST, ...AGENT }, { kind, until: Date.now() + HOUR_MS, message: "No.", limited });
async function closeForGood(kind: "auth" | "billing"): Promise<void> {
	for (let failed = 0; failed < 2; failed++) await noteLasting(store, { host: HOST, ...AGENT }, kind, "No.");
}

/** What its host says of its limits while one of that backend is only being looked at. */
const FULL = JSON.stringify({ kind: "backend", used: 1, all: 1, until: null, away: null });

async function why(worker: Here["worker"] = "up"): Promise<string> {
	await store.create(specOf("t", { ...AGENT, host: HOST }));
	await store.client.hset(store.keys.limited(HOST), " a", FULL);
	const views = await viewTasks(store, [await store.need("t")]);
	const [view] = await withWaits(store, views, () => ({ host: HOST, worker, pid: 1, instead: null }));
	return `${view?.waits?.kind}: ${view?.waits?.why}`;
}

test.each<[string, () => Promise<unknown>, RegExp]>([
	["the service is limited", () => closeUntil("rate_limited", null), /^limit: rate limit until \d\d:\d\d/],
	["its model is limited", () => closeUntil("rate_limited", "opus"), /^limit: rate limit until/],
	["the service is away", () => closeUntil("unavailable", null), /^limit: service away until/],
	["nobody is logged in", () => closeForGood("auth"), /^login: not logged in$/],
	["the account is empty", () => closeForGood("billing"), /^account: account is empty$/],
	["there is no gate", async () => {}, /^limit: 1 of 1 of a work$/],
])("%s", async (_, close, expected) => {
	await close();
	expect(await why()).toMatch(expected);
});

test("of another model's gate, or where nobody takes it, that is not said", async () => {
	const gated = { host: HOST, backend: "a", model: "sonnet" };
	const until = Date.now() + HOUR_MS;
	await holdUntil(store, gated, { kind: "rate_limited", until, message: "No.", limited: "sonnet" });
	expect(await why()).toBe("limit: 1 of 1 of a work");
	await closeForGood("auth");
	await store.client.del(store.keys.task("t"));
	expect(await why("none")).toBe("worker: no worker");
});
