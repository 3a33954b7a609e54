/** What keeps a command from looking at a file for a moment (a lease: EAGAIN) is told as that, and never as a fault of dispatch. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { holdShut } from "../leased.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

test("a command that could not read the config says what keeps it from that", async () => {
	user = new User({ agent: "ten-line.sh" });
	const { letGo } = await holdShut([join(user.home, "config.yaml")]);
	// Who only looks goes on without, and starts no server by what nobody has read.
	for (const [command, expected] of [
		[["enqueue", "x"], 1],
		[["config", "show"], 1],
		[["status"], 5],
	] as const) {
		const { code, stderr } = await user.run([...command]);
		expect([command, code]).toEqual([command, expected]);
		expect(stderr).toMatch(
			/config\.yaml cannot be looked at: EAGAIN.*Another program keeps it shut by a lease/s,
		);
	}
	// It needs none of it, and stops what runs.
	expect(await user.ok(["down"])).toContain("No worker was running.");
	await letGo();
});
