/** Wakes are hints that anybody who writes to Redis can send: any number of them costs a few looks. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { onWake } from "../../src/host/wakes.ts";

function stage(followed: string[]) {
	const looks: string[] = [];
	let letGo: () => void = () => {};
	const wake = onWake({
		host: "h1",
		outbox: () => looks.push("outbox"),
		removed: () => looks.push("removed"),
		beat: () => looks.push("beat"),
		isFollowed: (task) => followed.includes(task),
		look: (task) => {
			looks.push(task);
			return new Promise<void>((resolve) => {
				letGo = resolve;
			});
		},
		moved: () => {},
		news: () => {},
	});
	const lookEnds = async () => {
		letGo();
		await turn();
	};
	return { looks, wake, lookEnds };
}

test("a task that is followed is looked at one look at a time, and once more for all wakes meanwhile", async () => {
	const { looks, wake, lookEnds } = stage(["t"]);
	for (let n = 0; n < 1_000; n++) wake({ kind: "task", task: "t" });
	expect(looks).toEqual(["t"]);
	await lookEnds();
	expect(looks).toEqual(["t", "t"]);
	await lookEnds();
	expect(looks).toEqual(["t", "t"]);
	wake({ kind: "task", task: "t" });
	expect(looks).toEqual(["t", "t", "t"]);
});

test("names that nobody follows here, and other hosts, are nothing to look at", () => {
	const { looks, wake } = stage(["t"]);
	for (let n = 0; n < 1_000; n++) wake({ kind: "task", task: `zz${n}` });
	wake({ kind: "host", host: "h2" });
	expect(looks).toEqual([]);
	wake({ kind: "host", host: "h1" });
	wake({ kind: "outbox" });
	wake({ kind: "removed" });
	expect(looks).toEqual(["beat", "outbox", "removed"]);
});
