import { expect, test } from "vitest";
import { Places } from "../../src/worker/places.ts";

const never = new AbortController().signal;

/** Asks for places. @returns the names that got one, in order */
function line(places: Places, ...wanted: [task: string, priority: number][]): string[] {
	const granted: string[] = [];
	for (const [task, priority] of wanted)
		void places.acquire(task, priority, never).then((ok) => ok && granted.push(task));
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
	const left = places.acquire("leaves", 1, leaving.signal);
	const granted = line(places, ["stays", 100]);
	leaving.abort();
	expect(await left).toBe(false);
	expect(await places.acquire("too-late", 1, leaving.signal)).toBe(false);
	places.free("busy");
	await settled();
	expect(granted).toEqual(["stays"]);
	expect(places.taken).toBe(1);
});
