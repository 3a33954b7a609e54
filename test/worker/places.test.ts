import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Places } from "../../src/worker/places.ts";

const never = new AbortController().signal;

/** Asks for places; who gets one works on. @returns the names that got one, in order */
function line(places: Places, ...wanted: [task: string, priority: number][]): string[] {
	const granted: string[] = [];
	for (const [task, priority] of wanted)
		void places.during(task, priority, never, async () => {
			granted.push(task);
			places.occupy(task);
		});
	return granted;
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("grants up to the limit; then by priority, then by order of arrival", async () => {
	const places = new Places(1);
	const granted = line(places, ["first", 500], ["late", 100], ["later", 100], ["urgent", 1]);
	for (const task of ["first", "urgent", "late"]) {
		await settled();
		expect(granted.at(-1)).toBe(task);
		places.free(task);
	}
	await settled();
	expect(granted).toEqual(["first", "urgent", "late", "later"]);
});

test("an asking agent's place goes to the next; answered, it may exceed the limit, and nothing starts until then", async () => {
	const places = new Places(1);
	const granted = line(places, ["asks", 100], ["second", 100], ["third", 100]);
	await settled();
	places.free("asks");
	await settled();
	expect(granted).toEqual(["asks", "second"]);
	places.occupy("asks");
	expect(places.taken).toBe(2);
	places.free("second");
	await settled();
	expect(granted).toEqual(["asks", "second"]);
	places.free("asks");
	await settled();
	expect(granted).toEqual(["asks", "second", "third"]);
});

test("who gives up leaves the line and takes nothing", async () => {
	const places = new Places(1);
	places.occupy("busy");
	const leaving = new AbortController();
	const work = async () => expect.unreachable();
	const left = places.during("leaves", 1, leaving.signal, work);
	const granted = line(places, ["stays", 100]);
	leaving.abort();
	expect(await left).toBe(false);
	expect(await places.during("too-late", 1, leaving.signal, work)).toBe(false);
	places.free("busy");
	await settled();
	expect(granted).toEqual(["stays"]);
	expect([places.taken, places.waiting]).toEqual([1, 0]);
});

test("a long life's signal keeps no listener of a start that is over", async () => {
	const life = new AbortController();
	const places = new Places(1);
	for (let n = 0; n < 20; n++) await places.during(`t${n}`, 1, life.signal, async () => {});
	expect(getEventListeners(life.signal, "abort")).toEqual([]);
});

test("the places are those of the records, whatever is thrown and whichever news is lost", async () => {
	type Step = { task: number; does: "start" | "fail" | "ask" | "answer" | "end"; told: boolean };
	const step: fc.Arbitrary<Step> = fc.record({
		task: fc.integer({ min: 0, max: 4 }),
		does: fc.constantFrom("start", "fail", "ask", "answer", "end"),
		told: fc.boolean(),
	});
	await fc.assert(
		fc.asyncProperty(
			fc.array(step, { maxLength: 40 }),
			fc.integer({ min: 1, max: 3 }),
			async (steps, limit) => {
				const places = new Places(limit);
				/** the records: which agents work */
				const working = new Set<string>();
				const tell = (task: string, told: boolean) => {
					if (!told) return;
					if (working.has(task)) places.occupy(task);
					else places.free(task);
				};
				for (const { task: n, does, told } of steps) {
					const task = `t${n}`;
					if (does === "start" || does === "fail")
						void places
							.during(task, 1, never, async () => {
								if (does === "fail") throw new Error("no start");
								working.add(task);
								places.occupy(task);
								await settled();
								if (!told) throw new Error("after the start");
							})
							.catch(() => {});
					else {
						if (does === "answer") working.add(task);
						else working.delete(task);
						tell(task, told);
					}
					await settled();
				}
				// All agents end, nobody is told: the look at the records is enough, and the line moves on to its end.
				for (let look = 0; look <= steps.length; look++) {
					working.clear();
					places.keep(working, places.moment);
					await settled();
					await settled();
				}
				working.clear();
				places.keep(working, places.moment);
				expect([places.taken, places.waiting]).toEqual([0, 0]);
			},
		),
		{ numRuns: 200 },
	);
});

test("news that came while the records were read is newer than they are", async () => {
	const places = new Places(1);
	const before = places.moment;
	places.occupy("just-started");
	places.keep(new Set(), before);
	expect(places.taken).toBe(1);
	places.keep(new Set(), places.moment);
	expect(places.taken).toBe(0);
});
