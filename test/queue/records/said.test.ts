/** What a person says goes to the agent as it was said; what all others are told of it holds no key. */
import { expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { forgetQuotes } from "../../../src/queue/records/removed.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { rememberSecret } from "../../../src/task/secrets.ts";
import { withStore } from "../stage.ts";
import { question, runningTask } from "./store-support.ts";

const KEY = "planted-key-of-a-person-77";
let store: Store;
withStore("command", (made) => {
	store = made;
});

test("a key in an answer and in a note reaches the agent, and no event; what quotes them goes with the task", async () => {
	rememberSecret("PERSONS_KEY", KEY);
	const epoch = await runningTask(store, "t");
	await store.ask("t", epoch, [question("001", "Which key?")]);
	await store.answer("t", { text: `Take ${KEY}`, by: "ann@here" });
	expect((await store.questions("t"))[0]?.answer).toBe(`Take ${KEY}`);
	const told = async () => JSON.stringify(await eventsAfter(store, "0"));
	expect(await told()).toMatch(/"answered".*Take \W/);
	expect(await told()).not.toContain(KEY);
	await forgetQuotes(store, new Set(["t"]));
	expect(await told()).not.toMatch(/Which key|Take/);
});
