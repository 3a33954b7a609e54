/** The looks of a screen that stays, on the clock of the process. */
import { getEventListeners } from "node:events";
import { expect, onTestFinished, test, vi } from "vitest";
import { Looks } from "../../src/cli/screen/looks.ts";

const never = () => new Promise<never>(() => {});
const asking = (ping: () => Promise<unknown>) => ({ client: { ping } });
/** More than the seconds after which a silent Redis is told as away. */
const ANSWERS = 4;

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
	const running = looks.run(asking(never), () => {
		vi.setSystemTime(Date.now() - 86_400_000);
		return new Promise(() => {});
	});
	expect(await away).toBeLessThan(Date.now());
	leave.abort();
	await running.catch(() => {});
});

test("a look that takes long while Redis answers is no outage; once it answers no more, it is one", async () => {
	const leave = new AbortController();
	let asked = 0;
	const said: number[] = [];
	const looks = new Looks(leave.signal, () => {
		if (looks.awaySince === null) return;
		said.push(asked);
		leave.abort();
	});
	const answers = asking(async () => {
		asked += 1;
		// The look is not through yet, and there is nobody any more.
		if (asked > ANSWERS) await never();
	});
	await looks.run(answers, never).catch(() => {});
	expect(said).toEqual([ANSWERS + 1]);
});

test("however many looks are made, nothing of them listens on: Node would warn across the screen", async () => {
	const leave = new AbortController();
	const listening: number[] = [];
	const looks = new Looks(leave.signal, () => {});
	await looks.run(asking(never), async () => {
		listening.push(getEventListeners(leave.signal, "abort").length);
		if (listening.length === 20) leave.abort();
		// Once the pause has begun.
		setImmediate(() => looks.soon());
		return true;
	});
	expect(listening).toHaveLength(20);
	expect(Math.max(...listening.slice(1))).toBeLessThanOrEqual(2);
});
