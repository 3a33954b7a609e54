/** What an earlier version left in Redis is worked on by this one. */
import { expect, test } from "vitest";
import type { Store } from "../../../src/queue/records/store.ts";
import type { State } from "../../../src/task/states.ts";
import { FIRST_RECORD } from "../../task/first-record.ts";
import { withStore } from "../stage.ts";

let store: Store;
withStore("service", (made) => {
	store = made;
});

const NONCE = "f".repeat(32);

test("a task of the first version is read, started, asked to stop, ended, started again and removed", async () => {
	await store.client.hset(store.keys.task("t"), FIRST_RECORD);
	const to = async (from: State, state: State, more = {}) =>
		(await store.move({ id: "t", from: [from], to: state, ...more })).result;
	expect(await store.need("t")).toMatchObject({ state: "queued", createdAt: 1_790_000_000_000 });
	expect(await to("queued", "running", { runNonce: NONCE })).toBe("moved");
	expect(await to("running", "queued", { set: { takenDown: 1, takenAway: 1 } })).toBe("moved");
	expect(await store.need("t")).toMatchObject({ takenAway: 1, moves: 0 });
	expect(await to("queued", "running", { runNonce: NONCE })).toBe("moved");
	expect(await to("running", "failed", { set: { reason: "crashed" } })).toBe("moved");
	await store.remove("t");
	expect(await store.client.exists(store.keys.task("t"))).toBe(0);
});
