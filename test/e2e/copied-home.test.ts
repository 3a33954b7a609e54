import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

test("a copied state directory does not run the tasks a second time, and says how to make it a host of its own", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	await user.ok(["enqueue", "--id", "later", "--delay", "1h", "Do it"]);
	await user.ok(["down"]);
	const copy = join(user.path, "copy");
	cpSync(user.home, copy, { recursive: true });
	const env = { DISPATCH_HOME: copy };
	const refused = await user.run(["up"], { env });
	expect(refused.code).not.toBe(0);
	expect(refused.stderr).toMatch(/is a copy of .*Remove home-id, host-id and daemon.json/);
	for (const name of ["home-id", "host-id"]) rmSync(join(copy, name));
	await user.ok(["up"], { env });
	const there = await user.json<{ id: string }[]>(["ls", "--all"], { env });
	expect(there.map(({ id }) => id)).toEqual(["later"]);
	await user.ok(["down"], { env });
	// The original is as it was.
	await user.ok(["up"]);
	expect((await user.json(["status", "later"])).state).toBe("queued");
});
