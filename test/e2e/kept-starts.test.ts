/** A task whose agent cannot be started says so wherever somebody looks, and starts once that is mended. */
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS, TEST_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

interface Shown {
	trouble: { step: string } | null;
	waits: { kind: string } | null;
}

test(
	"every list tells it, and what is read or waited for",
	async () => {
		user = new User({ agent: "ten-line.sh", env: { DISPATCH_HOST_ID: "attic" } });
		await user.ok(["up"], { env: { DISPATCH_FAULT: "start.read:throw-always" } });
		await user.ok(["enqueue", "--id", "t", "x"]);
		const shown = () => user.json<Shown>(["status", "t"]);
		await expect
			.poll(shown, { timeout: CONDITION_LIMIT_MS, interval: 200 })
			.toMatchObject({ trouble: { step: "start" }, waits: { kind: "trouble" } });
		const why = /its agent cannot be started \(.*fault at start\.read.*It is tried again/s;
		expect(await user.ok(["status", "t"])).toMatch(why);
		expect(await user.ok(["status"])).toMatch(why);
		expect(await user.ok(["ls"])).toContain("cannot be started");
		expect((await user.run(["logs", "t"])).stderr).toMatch(why);
		expect(await user.ok(["wait", "t", "--timeout", "1s"], { code: 4 })).toMatch(why);
		await user.ok(["down"]);
		await user.ok(["up"]);
		await user.waitForState("t", "asking");
		expect(await shown()).toMatchObject({ trouble: null, waits: null });
	},
	TEST_LIMIT_MS,
);
