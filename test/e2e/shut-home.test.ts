/**
 * Somebody, such as an agent of the same user, keeps files of the state directory shut by leases: whoever opens one is turned
 * away. What stops agents does without the file, or names the process to end.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { holdShut } from "../leased.ts";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

async function working(): Promise<void> {
	user = new User({ agent: "busy.sh" });
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "running");
}

const agents = () => user.processes().filter(({ run }) => run !== null);

test("what the worker says of itself: it is written anew, and the worker is known", async () => {
	await working();
	await holdShut([join(user.home, "daemon.json")]);
	expect(await user.ok(["down", "--stop-agents"])).toContain("The worker is stopped.");
	expect(agents()).toEqual([]);
});

test("what it says, however often it is written anew: the kernel says who has the directory", async () => {
	await working();
	await holdShut([join(user.home, "daemon.json")], { anew: true });
	expect(await user.ok(["down", "--stop-agents"])).toContain("The worker is stopped.");
	expect(agents()).toEqual([]);
});

test("any other file of it: agents are stopped all the same, or the process that keeps it is named, which is ended", async () => {
	await working();
	const files = readdirSync(user.home).filter((name) => statSync(join(user.home, name)).isFile());
	expect(files).toEqual(
		expect.arrayContaining(["address", "config.yaml", "home-id", "host-id", "signing-key"]),
	);
	const ends: Record<string, string> = {};
	for (const name of files.filter((each) => !/^daemon\.(?:json|log|lock)$/.test(each))) {
		const { pid, letGo } = await holdShut([join(user.home, name)], { anew: true });
		const { code, stdout, stderr } = await user.run(["down", "--stop-agents"]);
		const isNamed = (stdout + stderr).includes(`\`kill -9 ${pid}\` ends it`);
		ends[name] = code === 0 && agents().length === 0 ? "stopped" : isNamed ? "told" : stdout + stderr;
		await letGo();
		if (code !== 0) continue;
		await user.ok(["up"]);
		await user.waitForState("job", "running");
	}
	// By these the directory is known, and nobody else's worker is to be stopped.
	const named = { address: "told", "home-id": "told", "host-id": "told", namespace: "told" };
	expect(ends).toEqual({
		...Object.fromEntries(Object.keys(ends).map((name) => [name, "stopped"])),
		...named,
	});
});
