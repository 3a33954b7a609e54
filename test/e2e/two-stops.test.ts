/** Two people stop a worker at the same moment: neither request ends the other, and a stronger one does what it says. */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
beforeEach(async () => {
	user = new User({ agent: "busy.sh" });
	await user.ok(["enqueue", "--id", "long", "x"]);
	await user.waitForState("long", "running");
});
afterEach(() => user.cleanup());

const both = (first: string[], second: string[]) =>
	Promise.all([first, second].map((how) => user.run(["down", ...how])));

test(
	"two drains: both wait for the agents",
	async () => {
		const ends = both(["--drain"], ["--drain"]);
		const drains = async () => (await user.json<Status>(["status"])).worker?.draining;
		await expect.poll(drains, { timeout: CONDITION_LIMIT_MS, interval: 200 }).toBe(true);
		writeFileSync(user.taskFile("long", "enough"), "");
		for (const { code, stdout, stderr } of await ends) {
			expect([code, stdout + stderr]).toEqual([0, expect.not.stringMatching(/agents? runs? on/)]);
		}
		expect((await user.taskInState("long", "completed")).epoch).toBe(1);
	},
	TEST_LIMIT_MS,
);

interface Status {
	worker: { draining: boolean } | null;
}

test.each([
	{ first: ["--drain"], second: [], is: "running" },
	{ first: ["--drain"], second: ["--stop-agents"], is: "queued" },
	{ first: ["--stop-agents"], second: ["--stop-agents"], is: "queued" },
	{ first: ["--stop-agents"], second: ["--drain"], is: "queued" },
	{ first: [], second: [], is: "running" },
])(
	"$first and $second: the stronger one decides",
	async ({ first, second, is }) => {
		for (const { code } of await both(first, second)) expect(code).toBe(0);
		expect((await user.json<{ state: string }>(["status", "long"])).state).toBe(is);
	},
	TEST_LIMIT_MS,
);
