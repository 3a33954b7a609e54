/** What fails again and again fills no log, and nobody has to ask whether it still does. */
import { expect, test } from "vitest";
import { ToldFaults } from "../../src/host/told-faults.ts";

const EVERY_MS = 5_000;
const DAY_MS = 86_400_000;

function stage() {
	const lines: { level: string; message: string; facts: Record<string, unknown> }[] = [];
	const say = (level: string) => (facts: object, message: string) =>
		void lines.push({ level, message, facts: { ...facts } });
	let now = 0;
	const faults = new ToldFaults({ warn: say("warn"), info: say("info") } as never, () => now);
	const pass = (ms: number) => {
		now += ms;
		faults.tellOver();
	};
	return { lines, faults, pass };
}

test("told at once, then with growing pauses and how often, and that it is over", () => {
	const { lines, faults, pass } = stage();
	for (let at = 0; at < DAY_MS; at += EVERY_MS) {
		faults.tell({ task: "t3", step: "run job" }, new Error("damaged"), "something failed and is tried again");
		pass(EVERY_MS);
	}
	expect(lines[0]).toEqual({
		level: "warn",
		message: "something failed and is tried again",
		facts: { task: "t3", step: "run job", error: "Error: damaged" },
	});
	expect(lines[1]?.facts).toMatchObject({ times: 12 });
	expect(lines.length).toBeGreaterThan(24);
	expect(lines.length).toBeLessThan(40);
	for (let n = 0; n < 60; n++) pass(EVERY_MS);
	expect(lines.at(-1)).toMatchObject({
		level: "info",
		message: "it fails no longer",
		facts: { task: "t3", times: DAY_MS / EVERY_MS },
	});
	expect(faults.size).toBe(0);
});

test("each by itself; what failed once is over without a word, and is told anew", () => {
	const { lines, faults, pass } = stage();
	for (const task of ["a", "b"]) faults.tell({ task }, "x", "failed");
	for (let n = 0; n < 60; n++) pass(EVERY_MS);
	faults.tell({ task: "a" }, "x", "failed");
	expect(lines.map(({ facts }) => facts.task)).toEqual(["a", "b", "a"]);
	expect(faults.size).toBe(1);
});

test("another error of the same is told at once, and how often the first one failed is not lost; numbers make no other", () => {
	const { lines, faults, pass } = stage();
	const fail = (error: string) => {
		faults.tell({ work: "beat" }, error, "failed");
		pass(EVERY_MS);
	};
	for (const error of ["away 1", "away 2", "no right", "away 3"]) fail(error);
	expect(lines.map(({ facts }) => facts.error)).toEqual(["away 1", "no right"]);
	for (let n = 4; n < 14; n++) fail(`away ${n}`);
	expect(lines[2]?.facts).toEqual({ work: "beat", error: "away 12", times: 11 });
});

test("errors that differ each time are no flood", () => {
	const { lines, faults, pass } = stage();
	const letters = "abcdefghijklmnopqrstuvwxyz";
	for (let at = 0; at < DAY_MS; at += EVERY_MS) {
		const name = [...String(at)].map((digit) => letters[Number(digit)]).join("");
		faults.tell({ work: "sweep" }, `cannot read ${name}`, "failed");
		pass(EVERY_MS);
	}
	expect(lines.length).toBeGreaterThan(24);
	expect(lines.length).toBeLessThan(45);
});
