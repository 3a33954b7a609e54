import { afterAll, beforeAll, expect, test } from "vitest";
import { timeLimit } from "../../src/task/time-limit.ts";
import { collectGarbage } from "../collect-garbage.ts";

let collecting: NodeJS.Timeout;
beforeAll(() => {
	collecting = setInterval(collectGarbage, 20);
});
afterAll(() => clearInterval(collecting));

const aborted = (signal: AbortSignal) =>
	new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

test("comes though the garbage collector ran meanwhile, and nobody holds the limit but who listens", async () => {
	const alone = timeLimit(200).signal;
	const joined = timeLimit(200, new AbortController().signal).signal;
	await Promise.all([aborted(alone), aborted(joined)]);
	expect([alone.aborted, joined.aborted]).toEqual([true, true]);
});

test("ends with whichever other signal ends first, also one that had ended before", () => {
	const [first, second] = [new AbortController(), new AbortController()];
	const limit = timeLimit(null, first.signal, second.signal);
	expect(limit.signal.aborted).toBe(false);
	second.abort();
	expect(limit.signal.aborted).toBe(true);
	expect(timeLimit(60_000, second.signal).signal.aborted).toBe(true);
});

test("leaves no timer and no listener behind, and may be longer than a timer can be", async () => {
	const other = new AbortController();
	for (let n = 0; n < 20; n++) timeLimit(60_000, other.signal).release();
	const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
	const before = timers();
	const long = timeLimit(2 ** 40, other.signal);
	expect(timers()).toBe(before + 1);
	long.release();
	expect(timers()).toBe(before);
	other.abort();
	expect(long.signal.aborted).toBe(false);
});
