/** Tasks that need others, in graphs and orders at random: nobody waits for what will not come. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { eventsAfter } from "../../../src/queue/records/events.ts";
import { openNeeds } from "../../../src/task/needs.ts";
import { isEnded } from "../../../src/task/states.ts";
import { Random, SEED } from "../../chance.ts";
import { TEST_LIMIT_MS } from "../../patience.ts";
import { expectSound, needsFaults } from "./needs-audit.ts";
import { needsStage, store } from "./needs-stage.ts";

const { task, start, retry } = needsStage();

/** What may happen to any task at any time. */
const ACTS = ["complete", "fail", "cancel", "retry", "remove", "makeAnew", "start", "requeue"] as const;

async function act(id: string, what: (typeof ACTS)[number], after: string[]): Promise<void> {
	const state = await store.stateOf(id);
	if (state === null) {
		if (what === "makeAnew") await task(id, ...after);
		return;
	}
	if (what === "start") await start(id);
	if (what === "requeue") await store.move({ id, from: ["running"], to: "queued" });
	if (what === "complete") await store.move({ id, from: ["running"], to: "completed" });
	if (what === "fail") await store.move({ id, from: ["running", "waiting", "queued"], to: "failed" });
	if (what === "cancel") await store.cancel(id, "me");
	if (what === "retry" && isEnded(state)) await retry(id);
	if (what === "remove" && isEnded(state)) await store.remove(id);
}

/** A start before what it needs: by the record as it was read a moment before. */
async function requireMet(id: string): Promise<void> {
	const record = await store.need(id);
	expect(record.state === "queued" ? openNeeds(record) : []).toEqual([]);
}

test(
	"whatever happens in whatever order: who waits has something to wait for, who was skipped a reason",
	async () => {
		const NODES = 6;
		const acts = fc.array(fc.tuple(fc.nat(NODES - 1), fc.constantFrom(...ACTS)), {
			minLength: 5,
			maxLength: 30,
			size: "max",
		});
		const edges = fc.array(fc.tuple(fc.nat(NODES - 1), fc.nat(NODES - 1)), { maxLength: 10 });
		await fc.assert(
			fc.asyncProperty(edges, acts, async (pairs, all) => {
				await store.client.flushall();
				const afterOf = (n: number) => [
					...new Set(pairs.filter(([from, to]) => to === n && from < n).map(([from]) => `t-${from}`)),
				];
				for (let n = 0; n < NODES; n++) await task(`t-${n}`, ...afterOf(n));
				for (const [n, what] of all) {
					await act(`t-${n}`, what, afterOf(n));
					expect(await needsFaults(store)).toEqual([]);
				}
			}),
			{ numRuns: 25 },
		);
	},
	4 * TEST_LIMIT_MS,
);

test(
	`a graph of 200 tasks with failures, cancels and retries at random comes to its end (seed ${SEED})`,
	async () => {
		const random = new Random(SEED);
		const NODES = 200;
		for (let n = 0; n < NODES; n++) {
			const count = n === 0 ? 0 : random.below(4);
			const after = new Set(Array.from({ length: count }, () => `t-${random.below(n)}`));
			await task(`t-${n}`, ...after);
		}
		await expectSound(store);
		for (let step = 0; step < 400; step++) {
			const id = `t-${random.below(NODES)}`;
			await act(id, ACTS[[0, 0, 1, 2, 3, 3, 6, 6, 6, 7][random.below(10)] ?? 0] ?? "start", []);
			await requireMet(id);
		}
		await expectSound(store);
		// In the end nobody fails any more, and all that failed is retried: everything completes.
		for (let round = 0; round < NODES; round++) {
			const now = [...(await store.states())];
			for (const [id, state] of now.reverse()) {
				if (state === "failed" || state === "cancelled") await retry(id);
				if (state === "queued") await start(id);
				if (state === "running") await store.move({ id, from: ["running"], to: "completed" });
			}
			if (now.every(([, state]) => state === "completed")) break;
		}
		expect(new Set((await store.states()).values())).toEqual(new Set(["completed"]));
		await expectSound(store);
		const begun = new Set<string>();
		const completed = new Set<string>();
		const afterOf = new Map((await store.list(-1)).map(({ spec }) => [spec.id, spec.after]));
		const events = await eventsAfter(store, "0", 10_000);
		const early = events.filter(({ task: id, kind }) => {
			if (kind === "completed") completed.add(id);
			if (kind !== "started") return false;
			begun.add(id);
			return afterOf.get(id)?.some((need) => !completed.has(need)) ?? true;
		});
		expect(early).toEqual([]);
		expect(begun.size).toBe(NODES);
	},
	4 * TEST_LIMIT_MS,
);
