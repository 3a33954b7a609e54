/** The worker of a state directory runs under another DISPATCH_HOST_ID than a command: whoever asks for work is told that nobody does it. */
import { afterEach, expect, test } from "vitest";
import { TEST_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

interface Shown {
	waits: { kind: string } | null;
}

test.each([
	["the worker alone", { DISPATCH_HOST_ID: "other" }, { DISPATCH_HOST_ID: "" }],
	["the command alone", { DISPATCH_HOST_ID: "" }, { DISPATCH_HOST_ID: "other" }],
	["both, to two names", { DISPATCH_HOST_ID: "other" }, { DISPATCH_HOST_ID: "another" }],
])(
	"set for %s",
	async (_, ofWorker, env) => {
		user = new User({ agent: "ten-line.sh", env: ofWorker });
		await user.ok(["up"]);
		const enqueued = await user.run(["enqueue", "--id", "t", "x"], { env });
		expect(enqueued.code).toBe(8);
		expect(enqueued.stderr).toMatch(/No worker runs on .* runs as the host .*up --restart/s);
		const up = await user.run(["up"], { env });
		expect(up.code).toBe(8);
		expect(up.stderr).toMatch(/runs as the host .*DISPATCH_HOST_ID.*up --restart/s);
		expect((await user.run(["enqueue", "--wait", "--id", "w", "x"], { env })).code).toBe(8);
		const why = /runs as the host .*`dispatch up --restart`/;
		expect(await user.ok(["status", "t"], { env })).toMatch(why);
		expect(await user.json<Shown>(["status", "t"], { env })).toMatchObject({ waits: { kind: "worker" } });
		const summary = await user.run(["status"], { env });
		expect(summary.stderr).toMatch(why);
		expect(summary.stdout).not.toContain("The worker is up");
		expect(await user.ok(["ls"], { env })).toContain("worker elsewhere");
		const doctor = await user.run(["doctor"], { env });
		expect(doctor.stdout).toMatch(/runs as the host .*up --restart/s);
		expect(doctor.stdout).not.toContain("Nothing is broken");
		// Who asks under the worker's own name is told nothing of it.
		expect(await user.ok(["status"])).toContain("The worker is up.");
		await user.ok(["up", "--restart"], { env });
		await user.waitForState("t", "asking");
	},
	TEST_LIMIT_MS,
);
