/** Tasks for the tests of several at once: a Redis, a user and tasks that nobody works on. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { User } from "../e2e/harness.ts";
import { runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";

export let redis: TestRedis;
export let user: User;
export let store: Store;
/** Its hooks around the tests of the file that calls it. */
export function setTheStage(): void {
	beforeAll(async () => {
		redis = await startTestRedis();
		user = new User({ agent: "ten-line.sh", redis: redis.url, env: { DISPATCH_HOST_ID: "own" } });
		store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	});
	afterEach(async () => {
		for (const id of await store.ids()) {
			await store.cancel(id, "test");
			await store.move({ id, from: ["running", "asking"], to: "cancelled", set: {} });
			await store.remove(id);
		}
	});
	afterAll(async () => {
		await store.close();
		await user.cleanup();
		await redis.stop();
	});
}

/** Tasks that nobody works on: what stands in Redis is all there is of them. */
export async function tasks(
	states: Record<string, "queued" | "failed" | "completed" | "running">,
	host = "own",
) {
	for (const [id, state] of Object.entries(states)) {
		const spec = { host, cwd: user.project, tags: { team: "web" }, notBefore: 4_000_000_000_000 };
		if (state === "queued") await store.create(specOf(id, spec));
		else await runningTask(store, id, spec);
		if (state === "failed" || state === "completed")
			await store.move({ id, from: ["running"], to: state, set: {} });
	}
}

/** Tasks of another host: the worker that an answer starts on this one leaves them alone. */
export async function asking(questions: Record<string, string>) {
	for (const [id, text] of Object.entries(questions)) {
		await tasks({ [id]: "running" }, "mini2");
		await ask(id, "001", text);
	}
}

export async function ask(id: string, seq: string, text: string) {
	const { epoch } = await store.need(id);
	await store.ask(id, epoch, [{ seq, text, hash: seq.padEnd(64, "a") }]);
}

export async function answers(id: string) {
	return (await store.questions(id)).map(({ answer }) => answer);
}

export async function states(): Promise<Record<string, string | null>> {
	return Object.fromEntries(await store.states());
}
