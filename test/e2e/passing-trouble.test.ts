/** What keeps a command from looking at a file for a moment (a lease: EAGAIN) is told as that, and never as a fault of dispatch. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { holdShut } from "../leased.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

test("a command that could not read the config says that it passes", async () => {
	user = new User({ agent: "ten-line.sh" });
	const { letGo } = await holdShut([join(user.home, "config.yaml")]);
	for (const command of [["status"], ["config", "show"], ["down"]]) {
		const { code, stderr } = await user.run(command);
		expect([command, code]).toEqual([command, 1]);
		expect(stderr).toMatch(/config\.yaml cannot be looked at: EAGAIN.* It passes: try again\./s);
	}
	await letGo();
});
