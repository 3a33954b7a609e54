/** What a person says goes to the agent as it was said; what all others are told of it holds no key. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { forgetTexts } from "../../../src/queue/records/removed.ts";
import type { Store } from "../../../src/queue/records/store.ts";
import { rememberSecret } from "../../../src/task/secrets.ts";
import { withStore } from "../stage.ts";
import { question, runningTask, specOf } from "./store-support.ts";

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
	await store.move({ id: "t", from: ["asking", "running"], to: "failed", why: "It said: no such key" });
	expect(await told()).toContain("no such key");
	await store.remove("t");
	await forgetTexts(store, new Set(["t"]));
	expect(await told()).not.toMatch(/Which key|Take|no such key/);
});

const KINDS =
	"asked answered noted file_refused self_answered failed not_started queued cancelled repaired fault start_failed trouble made_up";
/** Of any kind, with any fields: some hold a text, also such as no version that we know writes. */
const ANY_EVENT = fc.record(
	{
		kind: fc.constantFrom(...KINDS.split(" ")),
		state: fc.constant("failed"),
		epoch: fc.nat(),
		text: fc.constant("WORDS"),
		why: fc.constant("WORDS"),
		tail: fc.constant(["WORDS"]),
	},
	{ requiredKeys: ["kind"] },
);
const ANY_EVENTS = fc.array(ANY_EVENT, { maxLength: 12 });

test("of a removed task no text stays in events of whatever kind; others, and a new task of its id, keep theirs", async () => {
	const { client, keys } = store;
	const add = async (task: string, events: object[], whose: string) => {
		for (const event of events) {
			const text = JSON.stringify({ task, at: 1, ...event }).replaceAll("WORDS", whose);
			await client.xadd(keys.events, "*", "e", text);
		}
	};
	const told = async () => (await client.xrange(keys.events, "-", "+")).map(([, [, text = ""]]) => text);
	const property = fc.asyncProperty(
		ANY_EVENTS,
		ANY_EVENTS,
		ANY_EVENTS,
		fc.boolean(),
		async (its, others, later, isThereAgain) => {
			await client.flushall();
			await store.create(specOf("t"));
			await store.cancel("t", "me");
			await add("t", its, "of-removed");
			await add("other", others, "of-other");
			await store.remove("t");
			if (isThereAgain) await store.create(specOf("t"));
			await add("t", later, isThereAgain ? "of-new" : "of-removed");
			const before = await told();
			await forgetTexts(store, new Set(["t", "never"]));
			expect(await told()).toEqual(before.filter((text) => !text.includes("of-removed")));
		},
	);
	await fc.assert(property, { numRuns: 60 });
});
