/**
 * A screen that stays open all day adds no listener with its looks: Node warns at the eleventh, and that warning is a
 * line over the picture. Counted in the program itself: of the process and its signals, of the Redis client, of streams,
 * and of abort signals.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { question, runningTask } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { Screen } from "./tmux.ts";

/** More than Node takes from one emitter without a word. */
const LOOKS = 12;

/**
 * Writes how many listeners each has that got one, by its kind, its number and the event. Whoever has one for a moment
 * gives it back: it is looked at again and again.
 */
const PROBE = `
const { EventEmitter, getEventListeners } = require("node:events");
const { renameSync, writeFileSync } = require("node:fs");
const path = process.env.LISTENERS_FILE;
const known = [];
const numbers = new WeakMap();
function note(emitter) {
	if (numbers.has(emitter)) return;
	numbers.set(emitter, known.length);
	known.push(new WeakRef(emitter));
}
for (const name of ["on", "addListener", "prependListener"]) {
	const add = EventEmitter.prototype[name];
	EventEmitter.prototype[name] = function (...args) { note(this); return add.apply(this, args); };
}
const add = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (...args) { note(this); return add.apply(this, args); };
note(process);
function counts() {
	const found = {};
	for (const [number, ref] of known.entries()) {
		const emitter = ref.deref();
		if (emitter === undefined) continue;
		const isTarget = emitter instanceof EventTarget;
		for (const event of isTarget ? ["abort"] : EventEmitter.prototype.eventNames.call(emitter)) {
			const count = isTarget ? getEventListeners(emitter, event).length : EventEmitter.prototype.listenerCount.call(emitter, event);
			if (count > 0) found[[emitter.constructor.name, number, String(event)].join(" ")] = count;
		}
	}
	return found;
}
if (path !== undefined) setInterval(() => {
	writeFileSync(path + ".new", JSON.stringify(counts()));
	renameSync(path + ".new", path);
}, 50).unref();
`;

let redis: TestRedis;
let store: Store;
let user: User;
beforeAll(async () => {
	redis = await startTestRedis();
	user = new User({ redis: redis.url });
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	const epoch = await runningTask(store, "job");
	await store.ask("job", epoch, [question("001", "Which colour?")]);
});
afterAll(async () => {
	await store?.close();
	await user?.cleanup();
	await redis?.stop();
});

/** How often a command was called: nobody but the screen calls it here. */
async function calls(command: string): Promise<number> {
	const stats = await store.client.info("commandstats");
	return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test.each([
	// What a look of each begins with.
	["watch", "xrevrange", "›job"],
	["inbox", "zrange", "job asks (001)"],
])("%s has as many listeners after more than 11 looks as before", async (command, asked, picture) => {
	const path = join(user.home, `listeners-${command}.json`);
	const probe = user.write(`probe-${command}.cjs`, PROBE);
	const env = { ...user.env, LISTENERS_FILE: path, NODE_OPTIONS: `--require ${probe}` };
	const words = [process.execPath, PROGRAM, command];
	const screen = new Screen(words, { columns: 80, rows: 24, cwd: user.project, env });
	const counted = () => JSON.parse(readFileSync(path, "utf8")) as Record<string, number>;
	const looks = (count: number) => expect.poll(() => calls(asked)).toBeGreaterThanOrEqual(count);
	try {
		await screen.waitFor(picture);
		await expect.poll(() => existsSync(path)).toBe(true);
		const first = await calls(asked);
		await looks(first + 2);
		const before = counted();
		// The Redis client's class has the constructor of its events.
		const kinds = Object.keys(before).map((name) => name.replace(/ \d+ /, " "));
		expect(kinds).toEqual(
			expect.arrayContaining(["process SIGTSTP", "EventEmitter error", "AbortSignal abort"]),
		);
		const emitterOf = (name: string) => name.split(" ", 2).join(" ");
		const known = new Set(Object.keys(before).map(emitterOf));
		for (let look = 1; look <= LOOKS; look++) await looks(first + 2 + look);
		const added = () =>
			Object.entries(counted()).filter(
				([name, count]) => known.has(emitterOf(name)) && count > (before[name] ?? 0),
			);
		await expect.poll(added).toEqual([]);
	} finally {
		screen.close();
	}
});
