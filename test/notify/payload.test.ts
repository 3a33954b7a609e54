import { expect, test } from "vitest";
import { payloadOf } from "../../src/notify/payload.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { NotificationEvent } from "../../src/task/notification.ts";
import { runningTask } from "../queue/records/store-support.ts";
import { startTestRedis } from "../redis.ts";

test("what is told is the state of the event, wherever the task is by then", async () => {
	const redis = await startTestRedis();
	const store = await openStore({ target: redis.target, namespace: "told", role: "command" });
	try {
		await runningTask(store, "on");
		const record = await store.need("on");
		expect(record.state).toBe("running");
		const told = (kind: NotificationEvent) => {
			const event = { id: "1-0", kind, task: "on", at: 0, seq: "001", text: "Which?" };
			return payloadOf(kind, { event, record, namespace: "told" }).task.state;
		};
		const kinds = ["question", "parked", "completed", "failed", "cancelled"] as const;
		expect(kinds.map(told)).toEqual(["asking", "parked", "completed", "failed", "cancelled"]);
	} finally {
		await store.close();
		await redis.stop();
	}
});
