/** Ctrl-C at a command that looks on: it stops nothing else, and says so. */
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

test("`enqueue --follow` that is interrupted says that the work goes on, and how to wait for it", async () => {
	user = new User({ agent: "asks-twice.sh" });
	const command = user.start(["enqueue", "--id", "seen", "--follow", "x"]);
	let said = "";
	for (const stream of [command.stdout, command.stderr])
		stream?.on("data", (data) => {
			said += data;
		});
	const end = once(command, "close");
	await expect.poll(() => said).toContain("Worker is asking");
	command.kill("SIGINT");
	expect(await end).toEqual([130, null]);
	expect(said).toContain("Interrupted: only the waiting has ended; wait again with: dispatch wait seen\n");
	expect((await user.json(["status", "seen"])).state).toBe("asking");
});
