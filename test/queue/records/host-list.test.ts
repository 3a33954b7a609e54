/** What a host says of itself is read field by field: whatever stands there, every host is listed, and it can be told. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { viewHosts } from "../../../src/actions/hosts.ts";
import { JSON_SCHEMAS } from "../../../src/cli/commands/schemas.ts";
import { table } from "../../../src/cli/show/columns.ts";
import { hostColumns, hostNotes } from "../../../src/cli/show/host-lines.ts";
import { hostNames } from "../../../src/queue/records/host-list.ts";
import { HOST_FIELDS } from "../../../src/queue/records/host-record.ts";
import { beat, claimHost, drainOf, leave, setDrain } from "../../../src/queue/records/hosts.ts";
import { cancelLost, lostHosts, moveToHost } from "../../../src/queue/records/lost-hosts.ts";
import { putBackNames } from "../../../src/queue/records/missing-names.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import { removeHost } from "../../../src/queue/records/remove-host.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { question, runningTask, specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
const PLACE = { place: "place", holder: "" };
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "test", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});
beforeEach(() => store.client.flushall());

const said = {
	homeId: "id",
	home: "/h",
	pid: 7,
	running: 1,
	concurrency: 3,
	maxAgents: 12,
	draining: false,
	version: "1.2.3",
	backends: [{ name: "claude", type: "claude", found: true, version: "2.1.0" }],
	clockOffset: -90_000,
};
const key = (host: string) => store.keys.host(host);
const stateOf = async (host: string) => (await viewHosts(store, "here", host))[0];
const plain = { red: String, yellow: String, green: String };
const linesOf = async () => {
	const views = await viewHosts(store, "here");
	return [...(await table(hostColumns(views, Date.now(), plain), null, String)), ...hostNotes(views)];
};

test("what a host says with a beat is what is listed", async () => {
	await beat(store, "mini", said, PLACE);
	await runningTask(store, "job", { host: "mini" });
	const views = await viewHosts(store, "mini");
	expect(JSON_SCHEMAS.hosts.parse(views)).toEqual(views);
	expect(views).toMatchObject([
		{
			...{ host: "mini", here: true, state: "working", since: null, home: "/h", pid: 7, maxAgents: 12 },
			...{ places: { used: 1, all: 3 }, backends: said.backends, clockOffsetMs: -90_000 },
			...{ version: "1.2.3", openTasks: 1, damage: [], holds: [] },
		},
	]);
	expect((await linesOf()).join("\n")).toMatch(
		/HOST +STATE +PLACES +OPEN +CLOCK +BACKENDS +VERSION\nmini +working +1\/3 +1 +-1m30s +claude 2\.1\.0 +1\.2\.3\nThe clock of mini differs/,
	);
});

test.each([
	["one works", 2, 0, 1, []],
	["as many work as may", 1, 0, 1, [/1 of 1 agents live \(worker.max_agents\)$/]],
	["one of them asks", 2, 1, 1, [/2 of 2 agents live .*, 1 of them asks: dispatch questions$/]],
	["all of them ask", 2, 2, 0, [/2 of 2 agents live .*, 2 of them ask: dispatch questions$/]],
])(
	"free places where no more agents may live are told as none: %s",
	async (_, most, asking, working, told) => {
		await beat(store, "mini", { ...said, running: working, maxAgents: most, clockOffset: 0 }, PLACE);
		for (let n = 0; n < asking + working; n++) {
			const epoch = await runningTask(store, `job-${n}`, { host: "mini" });
			if (n < asking) await store.ask(`job-${n}`, epoch, [question("001", "Which?")]);
		}
		expect(hostNotes(await viewHosts(store, "here"))).toEqual(
			told.map((line) => expect.stringMatching(line)),
		);
	},
);

test.each([
	["working", (now: number) => ({ beatAt: now - 1_000 })],
	["draining", (now: number) => ({ beatAt: now - 1_000, draining: "true" })],
	["silent", (now: number) => ({ beatAt: now - 30_000 })],
	["gone", (now: number) => ({ beatAt: now - 60_000 })],
	["gone", (now: number) => ({ beatAt: now + 3_600_000 })],
	["stopped", (now: number) => ({ beatAt: 0, leftAt: now - 1_000 })],
	["gone", (now: number) => ({ beatAt: 0, leftAt: now - 60_000 })],
	["gone", (now: number) => ({ beatAt: 0, leftAt: now + 3_600_000 })],
	["gone", () => ({ beatAt: "nan" })],
	["gone", () => ({ beatAt: "9e300" })],
	["gone", () => ({ beatAt: "{x" })],
] as const)(
	"a host is %s by its last word (%#), and the scripts agree on who is gone",
	async (state, fields) => {
		await beat(store, "mini", said, PLACE);
		await runningTask(store, "job", { host: "mini" });
		await store.client.hset(key("mini"), fields(await store.now()));
		expect(await stateOf("mini")).toMatchObject({ state });
		const isGone = state === "gone";
		expect((await lostHosts(store, [await store.need("job")])).has("mini")).toBe(isGone);
		expect(await cancelLost(store, "job", "me")).toMatchObject({ result: isGone ? "cancelled" : "alive" });
	},
);

const NOTHING = {
	del: () => store.client.del(key("mini")),
	no_beat: () => store.client.hset(key("mini"), "beatAt", ""),
};

describe.each(["del", "no_beat"] as const)("where nothing is known of a host (%s)", (how) => {
	test.each(["running", "asking", "parked", "put back"] as const)(
		"it is gone for what it has begun: %s",
		async (was) => {
			await beat(store, "mini", said, PLACE);
			const epoch = await runningTask(store, "job", { host: "mini" });
			if (was !== "running" && was !== "put back") await store.ask("job", epoch, [question("001", "Which?")]);
			if (was === "parked") await store.move({ id: "job", from: ["asking"], to: "parked" });
			if (was === "put back") await store.move({ id: "job", from: ["running"], to: "queued" });
			const record = await store.need("job");
			expect(record.state).toBe(was === "put back" ? "queued" : was);
			await NOTHING[how]();
			expect((await lostHosts(store, [record])).has("mini")).toBe(true);
			const move = { id: "job", host: "desk", by: "me", revision: record.revision, set: {} };
			expect(await moveToHost(store, move)).toMatchObject({ result: "moved" });
			// It is on a host now that may be about to start.
			expect((await lostHosts(store, [await store.need("job")])).size).toBe(0);
		},
	);

	test("it may be about to start for what it has not", async () => {
		await store.create(specOf("job", { host: "mini" }));
		await NOTHING[how]();
		const record = await store.need("job");
		expect((await lostHosts(store, [record])).size).toBe(0);
		const move = { id: "job", host: "desk", by: "me", revision: record.revision, set: {} };
		expect(await moveToHost(store, move)).toMatchObject({ result: "alive" });
		expect(await cancelLost(store, "job", "me")).toMatchObject({ result: "alive" });
	});
});

test("an orderly end is told at once, and is no end before a restart would be over", async () => {
	await beat(store, "mini", said, PLACE);
	await leave(store, "mini", PLACE);
	expect(await stateOf("mini")).toMatchObject({ state: "stopped" });
});

const HOSTILE = ["{x", "[1]", "-5", "9e300", "nan", "\u001b]0;owned\u0007", "x".repeat(1_000_000), "true"];

test.each(HOST_FIELDS)(
	"a damaged %s is told, harms no other host, and goes with the next beat",
	async (field) => {
		await beat(store, "sound", said, PLACE);
		for (const value of HOSTILE) {
			await beat(store, "mini", said, PLACE);
			await store.client.hset(key("mini"), field, value);
			const views = await viewHosts(store, "here");
			JSON_SCHEMAS.hosts.parse(JSON.parse(JSON.stringify(views)));
			expect(views).toMatchObject([{ host: "mini" }, { host: "sound", state: "working", damage: [] }]);
			const isDamaged = (views[0]?.damage.length ?? 0) > 0;
			const lines = (await linesOf()).join("\n");
			expect(/What mini says of itself is damaged|Whether mini is drained is/.test(lines)).toBe(isDamaged);
			expect(lines).not.toContain("\u001b");
			expect(lines.length).toBeLessThan(5_000);
		}
		await store.client.hset(key("mini"), field, "{x");
		expect(await stateOf("mini")).toMatchObject({ damage: [expect.stringContaining(field)] });
	},
);

test("a beat writes anew what was damaged", async () => {
	for (const field of HOST_FIELDS.filter((name) => name !== "drain" && name !== "leftAt"))
		await store.client.hset(key("mini"), field, "{x");
	await beat(store, "mini", said, PLACE);
	expect(await stateOf("mini")).toMatchObject({ state: "working", damage: [] });
});

test("something else in the place of a host's record, and names that are none, keep no host out of the list", async () => {
	await beat(store, "sound", said, PLACE);
	await beat(store, "mini", said, PLACE);
	await store.client.multi().del(key("mini")).lpush(key("mini"), "x").exec();
	await store.client.sadd(store.keys.hosts, "../../etc", "UPPER", "x".repeat(100), "\u001b[2J");
	expect(await viewHosts(store, "here")).toMatchObject([
		{ host: "mini", state: "unknown", damage: [expect.stringContaining("something else")] },
		{ host: "sound", state: "working" },
	]);
	await store.mend({ hosts: ["sound"] });
	expect((await store.client.smembers(store.keys.hosts)).sort()).toEqual(["mini", "sound"]);
});

test("a list of hosts that was lost has those again for which tasks wait", async () => {
	await beat(store, "mini", said, PLACE);
	await runningTask(store, "job", { host: "mini" });
	await runningTask(store, "over", { host: "other" });
	await store.move({ id: "over", from: ["running"], to: "completed" });
	await store.client.set(store.keys.hosts, "somebody's");
	await beat(store, "sound", said, PLACE);
	expect(await hostNames(store)).toEqual(["mini", "sound"]);
});

test("a drain outlasts beats and the end of the worker, names who asked first, and goes with resume alone", async () => {
	await beat(store, "mini", said, PLACE);
	await setDrain(store, "mini", { on: true, by: "ann@attic" });
	await setDrain(store, "mini", { on: true, by: "bob@desk" });
	await beat(store, "mini", said, PLACE);
	await leave(store, "mini", PLACE);
	await claimHost(store, "mini", { homeId: "id", ...PLACE });
	await beat(store, "mini", said, PLACE);
	expect(await stateOf("mini")).toMatchObject({ state: "draining", drained: { by: "ann@attic" } });
	await setDrain(store, "mini", { on: false, by: "bob@desk" });
	expect(await stateOf("mini")).toMatchObject({ state: "working", drained: null });
});

test("a drained host that was taken out of the list is drained when it is back, also where its worker only slept", async () => {
	for (const host of ["drained", "other"]) await beat(store, host, said, PLACE);
	await setDrain(store, "drained", { on: true, by: "ann@attic" });
	await runningTask(store, "ended", { host: "drained" });
	await store.move({ id: "ended", from: ["running"], epoch: 1, to: "failed" });
	for (const host of ["drained", "other"]) {
		await store.client.hset(key(host), "beatAt", "1");
		expect(await removeHost(store, host)).toEqual({ result: "removed" });
	}
	// The record of its ended task brings it not back.
	await putBackNames(store, true);
	expect(await hostNames(store)).toEqual([]);
	expect(await store.client.keys("*:host:*")).toEqual([key("drained")]);
	expect(await store.client.hkeys(key("drained"))).toEqual(["drain"]);
	expect(await drainOf(store, "drained")).toMatchObject({ by: "ann@attic" });
	await claimHost(store, "drained", { homeId: "new", ...PLACE });
	for (const host of ["drained", "other"]) await beat(store, host, said, PLACE);
	expect(await stateOf("drained")).toMatchObject({ state: "draining", drained: { by: "ann@attic" } });
	expect(await stateOf("other")).toMatchObject({ state: "working", drained: null });
});

const SAYS: Record<string, string[]> = {
	by: ['"x"', '"\\ud800"', '"a\nb"', '"\u001b[2J"', "7", "null"],
	at: ["1", "-5", "253402300799999", "253402300800000", "1e400", "nan", "0x10", "1.", "01", '"1"', "null"],
	more: ['"', '",', '","z":nan}', `","z":${"[".repeat(2_000)}`],
};

test.each([
	...HOSTILE,
	...(SAYS.by ?? []).map((by) => `{"by":${by},"at":1}`),
	...(SAYS.at ?? []).map((at) => `{"by":"x","at":${at}}`),
	...(SAYS.more ?? []).map((more) => `{"at":1,"by":"x${more}}`),
	'{"by":"x"}',
	'{"at":1}',
	'{"at":1,"by":"x","at":-1}',
	'[{"by":"x","at":1}]',
])("whoever drained a host finds it drained, whatever stood there before: %#", async (value) => {
	await beat(store, "mini", said, PLACE);
	await store.client.hset(key("mini"), "drain", value);
	await setDrain(store, "mini", { on: true, by: "ann@attic" });
	const after = await drainOf(store, "mini");
	expect(after?.at).toBeLessThanOrEqual(Date.now() + 60_000);
	expect(await stateOf("mini")).toMatchObject({ state: "draining", damage: [] });
});

test("a damaged drain is told with what mends it, and no worker is said to", async () => {
	await beat(store, "mini", said, PLACE);
	await store.client.hset(key("mini"), { drain: '{"by":"x","at":-5}', draining: "true" });
	const mends =
		"Whether mini is drained is damaged (drain.at is out of range), which counts as not: dispatch";
	expect((await linesOf()).join("\n")).toContain(mends);
	expect((await linesOf()).join("\n")).not.toContain("writes it anew");
	await store.client.hset(key("mini"), "draining", "x");
	expect((await linesOf()).join("\n")).toMatch(
		/damaged: draining is unknown\. A worker there writes it anew/,
	);
});

test.each(HOSTILE)(
	"what stands in the place of a drain and is none drains nobody, and can be replaced: %#",
	async (value) => {
		await beat(store, "mini", said, PLACE);
		await store.client.hset(key("mini"), "drain", value);
		expect(await drainOf(store, "mini")).toBeNull();
		expect(await stateOf("mini")).toMatchObject({ state: "working", drained: null });
		await setDrain(store, "mini", { on: true, by: "ann@attic" });
		expect(await drainOf(store, "mini")).toMatchObject({ by: "ann@attic" });
	},
);

test("a host that nobody knows is refused with the next step", async () => {
	await expect(viewHosts(store, "here", "mini")).rejects.toMatchObject({
		code: "DISPATCH_NO_SUCH_HOST",
		hint: "`dispatch up` starts one here.",
	});
});

test.each([20, 40, 60, 80, 120])("the table is no wider than a terminal of %i columns", async (width) => {
	for (const host of ["mini", `h${"x".repeat(30)}`]) await beat(store, host, said, PLACE);
	const views = await viewHosts(store, "mini");
	const lines = await table(hostColumns(views, Date.now(), plain), width, String);
	expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
	expect(lines).toHaveLength(3);
});
