/** The looks of a screen that stays, on the clock of the process. */
import { expect, onTestFinished, test, vi } from "vitest";
import { Looks } from "../../src/cli/screen/looks.ts";

test("a clock that is set back while Redis is away keeps the screen from nothing: it says so, by the new clock", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	onTestFinished(() => void vi.useRealTimers());
	const leave = new AbortController();
	let said: (since: number) => void = () => {};
	const away = new Promise<number>((resolve) => {
		said = resolve;
	});
	const looks = new Looks(leave.signal, () => {
		if (looks.awaySince !== null) said(looks.awaySince);
	});
	const running = looks.run(() => {
		vi.setSystemTime(Date.now() - 86_400_000);
		return new Promise(() => {});
	});
	expect(await away).toBeLessThan(Date.now());
	leave.abort();
	await running.catch(() => {});
});
