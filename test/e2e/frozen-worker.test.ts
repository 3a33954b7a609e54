/** A worker that somebody stopped (SIGSTOP) lives and does nothing: who asks something of it is told. */
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user.cleanup());

test("an answer to a stopped worker is kept and said to wait; it arrives when that goes on", async () => {
	user = new User({ agent: "ask-command.sh" });
	await user.ok(["enqueue", "--id", "t", "Do it"]);
	await user.waitForState("t", "asking");
	const pid = user.daemonPid() as number;
	process.kill(pid, "SIGSTOP");
	try {
		await expect.poll(() => user.ok(["status"])).toContain(`kill -CONT ${pid}`);
		expect((await user.run(["doctor"])).stdout).toContain(`kill -CONT ${pid}`);
		const answered = await user.run(["answer", "t", "Blue"]);
		expect(answered).toMatchObject({ code: 0, stdout: expect.stringContaining("Answer kept") });
		expect(answered.stdout).not.toContain("continuing");
		expect(answered.stderr).toContain(`kill -CONT ${pid}`);
	} finally {
		process.kill(pid, "SIGCONT");
	}
	await user.waitForState("t", "completed");
	expect(await user.ok(["status"])).not.toContain("kill -CONT");
});
