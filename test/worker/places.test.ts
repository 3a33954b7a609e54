import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Life, Places } from "../../src/worker/places.ts";

const never = new AbortController().signal;

/** Asks for places; who gets one works on. @returns the names that got one, in order */
function line(places: Places, ...wanted: [task: string, priority: number][]): string[] {
	const granted: string[] = [];
	for (const [task, priority] of wanted)
		void places.during(task, priority, never, async () => {
			granted.push(task);
			places.tell(task, "works");
		});
	return granted;
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("grants up to the limit; then by priority, then by order of arrival", async () => {
	const places = new Places({ work: 1, live: 9 });
	const granted = line(places, ["first", 500], ["late", 100], ["later", 100], ["urgent", 1]);
	for (const task of ["first", "urgent", "late"]) {
		await settled();
		expect(granted.at(-1)).toBe(task);
		places.tell(task, "ended");
	}
	await settled();
	expect(granted).toEqual(["first", "urgent", "late", "later"]);
});

test("an asking agent's place goes to the next; answered, it may exceed the limit, and nothing starts until then", async () => {
	const places = new Places({ work: 1, live: 9 });
	const granted = line(places, ["asks", 100], ["second", 100], ["third", 100]);
	await settled();
	places.tell("asks", "asks");
	await settled();
	expect(granted).toEqual(["asks", "second"]);
	places.tell("asks", "works");
	expect(places.taken).toBe(2);
	places.tell("second", "ended");
	await settled();
	expect(granted).toEqual(["asks", "second"]);
	places.tell("asks", "ended");
	await settled();
	expect(granted).toEqual(["asks", "second", "third"]);
});

test("who gives up leaves the line and takes nothing", async () => {
	const places = new Places({ work: 1, live: 9 });
	places.tell("busy", "works");
	const leaving = new AbortController();
	const work = async () => expect.unreachable();
	const left = places.during("leaves", 1, leaving.signal, work);
	const granted = line(places, ["stays", 100]);
	leaving.abort();
	expect(await left).toBe(false);
	expect(await places.during("too-late", 1, leaving.signal, work)).toBe(false);
	places.tell("busy", "ended");
	await settled();
	expect(granted).toEqual(["stays"]);
	expect([places.taken, places.waiting]).toEqual([1, 0]);
});

test("a long life's signal keeps no listener of a start that is over", async () => {
	const life = new AbortController();
	const places = new Places({ work: 1, live: 9 });
	for (let n = 0; n < 20; n++) await places.during(`t${n}`, 1, life.signal, async () => {});
	expect(getEventListeners(life.signal, "abort")).toEqual([]);
});

test("no more live than may, asking ones and those that only the records know of included", async () => {
	const places = new Places({ work: 4, live: 2 });
	places.tell("asks", "asks");
	const granted = line(places, ["second", 100], ["third", 100], ["urgent", 1]);
	await settled();
	expect([granted, places.limit, places.isOver]).toEqual([["second"], 2, false]);
	places.tell("asks", "ended");
	await settled();
	expect(granted).toEqual(["second", "urgent"]);
	places.keep(new Map<string, Life>([["untold", "asks"]]), places.moment);
	await settled();
	expect([granted, places.living]).toEqual([["second", "urgent", "third"], 2]);
});

test("no more live or start than may, and the places are those of the records, whatever is thrown and whichever news is lost", async () => {
	type Step = { task: number; does: "start" | "fail" | "ask" | "answer" | "end"; told: boolean };
	const step: fc.Arbitrary<Step> = fc.record({
		task: fc.integer({ min: 0, max: 4 }),
		does: fc.constantFrom("start", "fail", "ask", "answer", "end"),
		told: fc.boolean(),
	});
	const limit = fc.integer({ min: 1, max: 3 });
	await fc.assert(
		fc.asyncProperty(fc.array(step, { maxLength: 40 }), limit, limit, async (steps, work, live) => {
			const places = new Places({ work, live });
			const records = new Map<string, Life>();
			let most = 0;
			const start = async (task: string, { does, told }: Step) => {
				if (does === "fail") throw new Error("no start");
				places.keep(records, places.moment);
				if (places.isOver || records.has(task)) return;
				records.set(task, "works");
				most = Math.max(most, records.size);
				if (told) places.tell(task, "works");
				await settled();
				if (!told) throw new Error("after the start");
			};
			for (const each of steps) {
				const task = `t${each.task}`;
				const life = records.get(task);
				if (each.does === "start" || each.does === "fail")
					void places.during(task, 1, never, () => start(task, each)).catch(() => {});
				else if (life !== undefined) {
					if (each.does === "end") records.delete(task);
					else records.set(task, each.does === "ask" ? "asks" : "works");
					if (each.told) places.tell(task, records.get(task) ?? "ended");
				}
				await settled();
			}
			// All agents end, nobody is told: the look at the records is enough, and the line moves on to its end.
			for (let look = 0; look <= steps.length; look++) {
				records.clear();
				places.keep(records, places.moment);
				await settled();
				await settled();
			}
			records.clear();
			places.keep(records, places.moment);
			expect([places.living, places.waiting]).toEqual([0, 0]);
			expect(most).toBeLessThanOrEqual(live);
		}),
		{ numRuns: 200 },
	);
});

test("news that came while the records were read is newer than they are", async () => {
	const places = new Places({ work: 1, live: 9 });
	const before = places.moment;
	places.tell("just-started", "works");
	places.keep(new Map(), before);
	expect(places.taken).toBe(1);
	places.keep(new Map(), places.moment);
	expect(places.taken).toBe(0);
});
