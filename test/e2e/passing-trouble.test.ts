/** What keeps a command from looking at a file for a moment (a lease: EAGAIN) is told as that, and never as a fault of dispatch. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { holdShut } from "../leased.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const COMMANDS = [
	["status"],
	["config", "show"],
	["config", "path"],
	["config", "add-model", "big", "--backend", "fake"],
	["list"],
	["inbox"],
	["templates"],
	["enqueue", "--id", "two", "x"],
	["doctor"],
	["down"],
];

test("whichever file of the state directory is shut by a lease, no command takes it for a fault of dispatch", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "one", "--delay", "1h", "x"]);
	await user.ok(["down"]);
	writeFileSync(join(user.home, "daemon.json"), "{}");
	const files = readdirSync(user.home, { withFileTypes: true }).filter((entry) => entry.isFile());
	expect(files.map(({ name }) => name)).toContain("config.yaml");
	for (const { name } of files) {
		const { letGo } = await holdShut([join(user.home, name)]);
		const ran = await Promise.all(COMMANDS.map((command) => user.run(command)));
		await letGo();
		const faults = ran.filter(({ code, stderr }) => code === 70 || stderr.includes("A fault in dispatch"));
		expect({ name, faults }).toEqual({ name, faults: [] });
	}
});

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
