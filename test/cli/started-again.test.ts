/** Who follows a task is told whether a start of it is its first one: a removed task's number of starts goes on under its id. */
import { expect, test } from "vitest";
import type { Context } from "../../src/cli/context.ts";
import { RetryTeller } from "../../src/cli/show/retry-teller.ts";
import { TaskTeller } from "../../src/cli/show/task-teller.ts";
import { tellOfTasks } from "../../src/cli/show/worker-lines.ts";
import { lastEventId } from "../../src/queue/records/events.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { START_STEP } from "../../src/task/trouble.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { HOST, runningTask, specOf } from "../queue/records/store-support.ts";
import { withStore } from "../queue/stage.ts";
import type { TestRedis } from "../redis.ts";

let store: Store;
let redis: TestRedis;
withStore("service", (made, server) => {
	[store, redis] = [made, server];
});

const start = () => store.move({ id: "t", from: ["queued"], to: "running", runNonce: "n" });
const queueAgain = () => store.move({ id: "t", from: ["running"], to: "queued" });
/** Its start fails before there is an agent. */
const putBack = async () => {
	const { epoch } = await store.need("t");
	const trouble = { epoch, step: START_STEP, why: "no room" };
	await store.move({ id: "t", from: ["running"], to: "queued", set: { trouble, charge: false } });
};
const end = () => store.move({ id: "t", from: ["running"], to: "completed" });
const anew = async () => {
	await end();
	await store.remove("t");
	await runningTask(store, "t");
};

/** What happens between two looks of who follows it, from its first start on; and what is true of each start. */
const STORIES: Record<string, { happens: () => Promise<unknown>; starts: string[] }> = {
	"started again": {
		happens: async () => {
			await queueAgain();
			await start();
		},
		starts: ["started", "started again"],
	},
	"made anew": { happens: anew, starts: ["started", "started"] },
	"made anew twice": {
		happens: async () => {
			await anew();
			await anew();
		},
		starts: ["started", "started", "started"],
	},
	"made anew, then started again": {
		happens: async () => {
			await anew();
			await queueAgain();
			await start();
		},
		starts: ["started", "started", "started again"],
	},
};

/** What they use of a command's. */
function contextWith(lines: string[]): Context {
	const same = (text: string) => text;
	const colors = { yellow: same, red: same, green: same };
	const output = { json: false, colors, write: (line: string) => lines.push(line), result: () => {} };
	return { output } as unknown as Context;
}

test.each(Object.entries(STORIES))("by the worker's lines: %s", async (_, { happens, starts }) => {
	const lines: string[] = [];
	const stop = new AbortController();
	const own = await openStore({ target: redis.target, namespace: "test", role: "service" });
	const telling = tellOfTasks(
		{ store: own, host: HOST, say: (_facts, line) => lines.push(line) },
		stop.signal,
	);
	const told = () => lines.flatMap((line) => /^`t` (started.*) using fake/.exec(line)?.[1] ?? []);
	try {
		// Once this is answered it knows where it begins; what happens now it hears of when all has happened.
		await lastEventId(own);
		own.client.stream.pause();
		await runningTask(store, "t");
		await happens();
		own.client.stream.resume();
		await expect.poll(told, { timeout: CONDITION_LIMIT_MS }).toEqual(starts);
	} finally {
		stop.abort();
		await telling;
		await own.close();
	}
});

test.each(Object.entries(STORIES))("by who looks at records: %s", async (_, { happens, starts }) => {
	const [lines, missed]: [string[], string[]] = [[], []];
	await runningTask(store, "t");
	const teller = new TaskTeller(contextWith(lines), store, 0);
	const retries = new RetryTeller(contextWith(missed), { starts: true });
	const look = async () => {
		await teller.tell([await store.need("t")]);
		retries.tell([await store.need("t")]);
	};
	await look();
	expect([lines, missed]).toEqual([["`t` started using fake."], []]);
	await happens();
	await look();
	expect(lines.slice(1)).toEqual([expect.stringMatching(`^\`t\` ${starts.at(-1)} using fake`)]);
});

/** What happens before each look of who follows it from before its first start, and what is told of its starts. */
const NO_STARTS: Record<string, { looks: (() => Promise<unknown>)[][]; told: string[] }> = {
	"its first starts fail": { looks: [[], [start, putBack], [start, putBack], [start]], told: ["started"] },
	"a later start fails": {
		looks: [[], [start], [queueAgain], [start, putBack], [start]],
		told: ["started", "started again"],
	},
	"who comes when one has failed": { looks: [[start, putBack], [start]], told: ["started"] },
};

test.each(Object.entries(NO_STARTS))("what never ran is told as no start: %s", async (_, { looks, told }) => {
	const lines: string[] = [];
	await store.create(specOf("t"));
	const teller = new TaskTeller(contextWith(lines), store, 0);
	for (const acts of looks) {
		for (const act of acts) await act();
		await teller.tell([await store.need("t")]);
	}
	const starts = lines.flatMap((line) => /^`t` (started.*) using fake/.exec(line)?.[1] ?? []);
	expect(starts).toEqual(told);
});
