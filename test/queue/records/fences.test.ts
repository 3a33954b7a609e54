/** Which start is to end is told to every host: what a record says of its own may be wrong. */
import { expect, test } from "vitest";
import { cancelTasks } from "../../../src/actions/cancel.ts";
import { beat } from "../../../src/queue/records/hosts.ts";
import { moveToHost } from "../../../src/queue/records/lost-hosts.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { withStore } from "../stage.ts";
import { runningTask } from "./store-support.ts";

let store: Store;
withStore("command", (made) => {
	store = made;
});

const HOSTS = ["a", "b", "c"];
const said = { homeId: "id", home: "/h", pid: 7, running: 1, concurrency: 3 };
const field = (name: string, value: string) => () => store.client.hset(store.keys.task("t"), name, value);

/** On host a, whose start it is. @returns the start's nonce */
async function running(): Promise<string> {
	for (const host of HOSTS) await beat(store, host, said);
	await runningTask(store, "t", { host: "a" });
	return (await store.need("t")).runNonce ?? "";
}

const fences = () => Promise.all(HOSTS.map((host) => store.client.smembers(store.keys.fenced(host))));

test.each([
	["a host that is none", field("host", "../../etc")],
	["a host that nobody knows", field("host", "d")],
	["no number of attempts", field("attempt", "abc")],
])("cancelled with %s", async (_, harm) => {
	const nonce = await running();
	await harm();
	await cancelTasks(store, ["t"], { by: "me" });
	expect(await store.stateOf("t")).toBe("cancelled");
	expect(await fences()).toEqual([[nonce], [nonce], [nonce]]);
});

test("moved from a host that is gone, whichever the record names by then", async () => {
	const nonce = await running();
	await field("host", "d")();
	const { revision } = await store.need("t");
	expect(await moveToHost(store, { id: "t", host: "c", by: "me", revision, set: {} })).toMatchObject({
		result: "moved",
	});
	expect(await fences()).toEqual([[nonce], [nonce], [nonce]]);
});
