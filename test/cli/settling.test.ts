/** Keys do nothing until none has come for a while: the time is passed in. */
import { expect, onTestFinished, test, vi } from "vitest";
import { Settling } from "../../src/cli/screen/settling.ts";

const key = (name: string) => ({ text: name, name, ctrl: false, meta: false });
const QUIET_MS = 500;

function settling() {
	vi.useFakeTimers();
	onTestFinished(() => void vi.useRealTimers());
	const settled = vi.fn();
	const it = new Settling(settled);
	onTestFinished(() => it.end());
	return { it, settled };
}

test("each key that comes meanwhile begins the quiet time anew", () => {
	const { it, settled } = settling();
	it.begin();
	for (let n = 0; n < 5; n++) {
		vi.advanceTimersByTime(QUIET_MS - 100);
		expect(it.holds(key("y"))).toBe(true);
	}
	vi.advanceTimersByTime(QUIET_MS - 100);
	expect([it.isOn, settled.mock.calls.length]).toEqual([true, 0]);
	vi.advanceTimersByTime(100);
	expect([it.isOn, settled.mock.calls.length]).toEqual([false, 1]);
	expect(it.holds(key("y"))).toBe(false);
});

test("a key that changes nothing is taken, and prolongs nothing", () => {
	const { it, settled } = settling();
	it.begin();
	vi.advanceTimersByTime(QUIET_MS - 100);
	expect(it.holds(key("down"))).toBe(false);
	vi.advanceTimersByTime(100);
	expect([it.isOn, settled.mock.calls.length]).toEqual([false, 1]);
});
