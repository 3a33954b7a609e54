/** Telling a running agent something. */
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

test("a note that the agent's own rewrite dropped comes again, until it stands in a plan that the agent wrote", async () => {
	user = new User({ agent: "rewrites-plan.sh" });
	await user.ok(["enqueue", "--id", "job", "Work"]);
	await user.waitForState("job", "running");
	expect(await user.ok(["note", "job", "Leave the", "legacy code out"])).toBe(
		"Noted. The agent of `job` sees it before its next item.\n",
	);
	await user.waitForState("job", "completed");
	expect(await user.ok(["output", "job"])).toBe("> **Note from dispatcher:** Leave the legacy code out\n");
	const late = await user.run(["note", "job", "Too late"]);
	expect(late).toMatchObject({ code: 8, stderr: expect.stringContaining("dispatch retry job") });
});
