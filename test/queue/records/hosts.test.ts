/** One identity, several places: a copy or a clone of a state directory does not run the same tasks twice. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { bootId, processIdentity } from "../../../src/process/identity.ts";
import { takeLock, takePlaceLock } from "../../../src/process/lock.ts";
import { PLACE_FLAGS } from "../../../src/process/place-holders.ts";
import { placeOfHome } from "../../../src/process/writer-mark.ts";
import { beat, claimHost, leave } from "../../../src/queue/records/hosts.ts";
import { openStore } from "../../../src/queue/records/open.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { CONDITION_LIMIT_MS } from "../../patience.ts";
import { startTestRedis, type TestRedis } from "../../redis.ts";
import { temporaryFolder } from "../../temporary-folder.ts";
import { specOf } from "./store-support.ts";

let redis: TestRedis;
let store: Store;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "hosts", role: "command" });
});
afterAll(async () => {
	await store.close();
	await redis.stop();
});

const state = { homeId: "id", home: "/first", pid: 1, running: 0, concurrency: 1 };
const at = (name: string) => ({ place: name, holder: "" });
const place = (name: string) => ({ homeId: "id", ...at(name) });

test("a second directory under the host's id is refused", async () => {
	await claimHost(store, "a", place("one"));
	await expect(claimHost(store, "a", { ...place("two"), homeId: "other" })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_RUNNING",
	});
});

test.each([
	["a day ahead", 24 * 60 * 60_000],
	["a day old", -24 * 60 * 60_000],
])("a directory whose last beat is %s beats no more: another one has the id at once", async (_, offMs) => {
	const beatAt = (await store.now()) + offMs;
	await store.client.hset(store.keys.host("j"), { homeId: "other", place: "two", beatAt });
	await claimHost(store, "j", place("one"));
	expect(await store.client.hmget(store.keys.host("j"), "homeId", "place")).toEqual(["id", "one"]);
});

test("a copy of the directory is refused while the first one beats", async () => {
	await claimHost(store, "b", place("one"));
	await beat(store, "b", state, at("one"));
	const beating = setInterval(() => void beat(store, "b", state, at("one")), 100);
	onTestFinished(() => clearInterval(beating));
	await expect(claimHost(store, "b", place("two"))).rejects.toMatchObject({
		code: "DISPATCH_OTHER_WRITER",
		message: expect.stringContaining("/first"),
	});
	expect(await beat(store, "b", state, at("two"))).toBe(false);
	expect(await beat(store, "b", state, at("one"))).toBe(true);
});

test("the same place may claim again at once, and another one after an orderly end", async () => {
	await claimHost(store, "c", place("one"));
	await claimHost(store, "c", place("one"));
	await leave(store, "c", at("one"));
	await claimHost(store, "c", place("two"));
	const beating = setInterval(() => void beat(store, "c", state, at("two")), 100);
	onTestFinished(() => clearInterval(beating));
	// The first one comes back: it learns that it is displaced, and takes nothing away.
	expect(await beat(store, "c", state, at("one"))).toBe(false);
	await leave(store, "c", at("one"));
	expect(await store.client.hget(store.keys.host("c"), "beatAt")).not.toBe("0");
});

test("a worker that leaves late takes nothing away from the next one of its directory", async () => {
	const by = (holder: string) => ({ place: "one", holder });
	await claimHost(store, "g", { homeId: "id", ...by("first") });
	await claimHost(store, "g", { homeId: "id", ...by("second") });
	await beat(store, "g", state, by("second"));
	await leave(store, "g", by("first"));
	const kept = await store.client.hmget(store.keys.host("g"), "holder", "leftAt");
	expect(kept).toEqual(["second", null]);
	expect(await store.client.hget(store.keys.host("g"), "beatAt")).not.toBe("0");
});

test("a place that beats no more is taken over after a while", async () => {
	await claimHost(store, "d", place("one"));
	await claimHost(store, "d", place("two"));
	expect(await beat(store, "d", state, at("two"))).toBe(true);
});

interface Named {
	word: string;
	pid: number;
}

/** A process as the host's word names it. @param fds what it has open */
function processWith(fds: readonly number[], { livesS = 1000 } = {}): Named {
	const child = spawn("sleep", [String(livesS)], { stdio: ["ignore", "ignore", "ignore", ...fds] });
	onTestFinished(() => void child.kill());
	const pid = child.pid ?? 0;
	return { word: `${pid} ${bootId()} ${processIdentity(pid)?.startTime}`, pid };
}

/** One that has the directory open, and no lock. */
function processAt(directory: string, flags: string | number = "r"): Named {
	const fd = openSync(directory, flags);
	const named = processWith([fd]);
	closeSync(fd);
	return named;
}

/** One that has the directory as a worker has it. */
async function workerOf(directory: string, options: { livesS?: number } = {}): Promise<Named> {
	const lock = await takePlaceLock(join(directory, "daemon.lock"));
	const named = processWith(lock?.fds ?? [], options);
	lock?.release();
	return named;
}

const GONE = "999999998 gone 1";

test("of two processes of one place the one that claimed last holds it: the other is told, and starts nothing", async () => {
	const directory = temporaryFolder("place");
	const shared = { homeId: "id", place: placeOfHome(directory) };
	const first = { ...shared, holder: GONE };
	const second = { ...shared, holder: (await workerOf(directory)).word };
	await claimHost(store, "e", first);
	await beat(store, "e", state, first);
	// The first one cannot be seen from here, as where it lives in another container.
	await claimHost(store, "e", second);
	expect(await beat(store, "e", state, first)).toBe(false);
	await leave(store, "e", first);
	const words = await store.client.hmget(store.keys.host("e"), "holder", "beatAt");
	expect(words).toEqual([second.holder, expect.not.stringMatching(/^0$/)]);
	expect(await beat(store, "e", state, second)).toBe(true);
	await store.create(specOf("once", { host: "e" }));
	const start = ({ holder }: typeof first) =>
		store.move({ id: "once", from: ["queued"], to: "running", holder, runNonce: "n" });
	const listener = store.client.duplicate({ enableOfflineQueue: true });
	onTestFinished(() => listener.disconnect());
	const woken: string[] = [];
	listener.on("message", (_channel, text: string) => woken.push(text));
	await listener.subscribe(store.keys.wake);
	expect(await start(first)).toMatchObject({ result: "stale", state: "queued" });
	await expect.poll(() => woken, { timeout: CONDITION_LIMIT_MS }).toContain("host e");
	expect(await start(second)).toMatchObject({ result: "moved", state: "running" });
});

test("a worker that lives keeps the place, whatever its directory says of it; one that leaves gives it up", async () => {
	const directory = temporaryFolder("place");
	const { pid, word } = await workerOf(directory);
	const alive = { homeId: "id", place: placeOfHome(directory), holder: word };
	await claimHost(store, "f", alive);
	await expect(claimHost(store, "f", { ...alive, holder: GONE })).rejects.toMatchObject({
		code: "DISPATCH_ALREADY_RUNNING",
		message: expect.stringContaining(`process ${pid}`),
	});
	await leave(store, "f", alive);
	await claimHost(store, "f", { ...alive, holder: GONE });
	expect(await beat(store, "f", state, alive)).toBe(true);
});

test("a worker that is leaving is waited for", async () => {
	const directory = temporaryFolder("place");
	const { word } = await workerOf(directory, { livesS: 1 });
	const leaving = { homeId: "id", place: placeOfHome(directory), holder: word };
	await claimHost(store, "k", leaving);
	await claimHost(store, "k", { ...leaving, holder: GONE });
	expect(await store.client.hget(store.keys.host("k"), "holder")).toBe(GONE);
});

const FORGED: Record<string, (directory: string) => string | Promise<string>> = {
	"a process that lives, and has nothing to do with the directory": () => processWith([]).word,
	"a process that has the directory open": (directory) => processAt(directory).word,
	"one that has it open as a worker has, without a lock": (directory) =>
		processAt(directory, PLACE_FLAGS).word,
	"a worker of another directory": async () => (await workerOf(temporaryFolder("place"))).word,
	"a process that is gone": () => GONE,
	"a pid that was given anew": (directory) => processAt(directory).word.replace(/.$/, "x"),
	"no process at all": () => "worker",
	nothing: () => "",
	"bytes that are no text": () => "1 \xff\0 \n",
	"a megabyte": () => `1 ${"x".repeat(1 << 20)} 1`,
};

test.each(Object.entries(FORGED))(
	"where the word of the holder names %s, who has the directory claims it anew",
	async (_, forge) => {
		const directory = temporaryFolder("place");
		const own = { homeId: "id", place: placeOfHome(directory), holder: processWith([]).word };
		const forged = await forge(directory);
		const write = () => store.client.hset(store.keys.host("g"), "holder", forged);
		await claimHost(store, "g", own);
		await write();
		expect(await beat(store, "g", state, own)).toBe(true);
		expect(await store.client.hget(store.keys.host("g"), "holder")).toBe(own.holder);
		await write();
		await claimHost(store, "g", own);
		expect(await store.client.hget(store.keys.host("g"), "holder")).toBe(own.holder);
		await store.client.del(store.keys.host("g"));
	},
);

test("who has the directory's lock is displaced by nobody, and refused by nobody: there is no other worker", async () => {
	const directory = temporaryFolder("place");
	const own = { homeId: "id", place: placeOfHome(directory), holder: processWith([]).word };
	const lock = await takePlaceLock(join(directory, "daemon.lock"));
	const other = await takeLock(join(temporaryFolder("lock"), "lock"));
	const marked = openSync(directory, PLACE_FLAGS);
	// All that a worker is told by, but for the directory's lock.
	const { word } = processWith([marked, other?.fd ?? marked]);
	closeSync(marked);
	await store.client.hset(store.keys.host("i"), { place: own.place, holder: word });
	expect(await beat(store, "i", state, own)).toBe(true);
	await store.client.hset(store.keys.host("i"), { holder: word });
	await claimHost(store, "i", own);
	expect(await store.client.hget(store.keys.host("i"), "holder")).toBe(own.holder);
	lock?.release();
	await store.client.hset(store.keys.host("i"), { holder: word });
	expect(await beat(store, "i", state, own)).toBe(false);
	other?.release();
});

test("a place that Redis names and that beats no more displaces nobody", async () => {
	await claimHost(store, "h", place("one"));
	await store.client.hset(store.keys.host("h"), { place: "before the boot", holder: GONE });
	expect(await beat(store, "h", state, at("one"))).toBe(true);
});
