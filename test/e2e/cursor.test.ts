/** `dispatch wait --cursor`, as a host agent uses it: a loop that is told everything once. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WAIT_LIMIT } from "../patience.ts";
import { User } from "./harness.ts";

let user: User;
beforeEach(() => {
	user = new User({ agent: "ten-line.sh", agents: { quick: "records-args.sh" } });
});
afterEach(() => user.cleanup());

test("a question, an end, another end: one a call, then nothing; killed while it waits, it loses nothing", async () => {
	const file = join(user.path, "seen.json");
	const wait = (...more: string[]) =>
		user.run(["wait", "--any", "--for", "question", "--cursor", file, "--timeout", WAIT_LIMIT, ...more]);
	expect((await wait("--timeout", "1ms")).code).toBe(4);
	await user.ok(["enqueue", "--id", "asks", "Work"]);
	const cut = user.start(["wait", "--cursor", file]);
	cut.kill("SIGKILL");
	const asked = await wait();
	expect(asked).toMatchObject({
		code: 3,
		stdout: expect.stringContaining('Worker is asking: "Which colour?"'),
	});
	await user.ok(["enqueue", "--id", "quick", "--model", "quick", "Work"]);
	expect(await wait()).toMatchObject({ code: 0, stdout: expect.stringContaining("`quick` complete.") });
	await user.ok(["answer", "asks", "Blue"]);
	expect(await wait()).toMatchObject({ code: 0, stdout: expect.stringContaining("`asks` complete.") });
	expect(await wait("--timeout", "1ms")).toMatchObject({
		code: 4,
		stderr: expect.stringContaining("nothing new happened"),
	});
	expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ namespace: "default" });
});

test("tasks by name: an end of before is told, and so is later what was left out; then it says that all is told", async () => {
	const file = join(user.path, "seen.json");
	for (const id of ["q1", "q2"]) await user.ok(["enqueue", "--id", id, "--model", "quick", "--wait", "Work"]);
	const wait = (...ids: string[]) =>
		user.run(["wait", ...ids, "--any", "--cursor", file, "--timeout", WAIT_LIMIT]);
	expect(await wait("q1", "q2")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("`q1` complete."),
	});
	expect(await wait("q1")).toMatchObject({
		code: 8,
		stderr: expect.stringContaining("Nothing is left to tell: `q1` ended before."),
	});
	expect(await wait("q2")).toMatchObject({ code: 0, stdout: expect.stringContaining("`q2` complete.") });
});

test("a file that is no cursor is refused, and stays", async () => {
	const file = join(user.path, "notes.txt");
	const other = { namespace: "other", position: { event: "0", asked: [], passed: [] } };
	for (const text of ["my notes", "{}", JSON.stringify(other)]) {
		writeFileSync(file, text);
		const ran = await user.run(["wait", "--cursor", file, "--timeout", "1ms"]);
		expect(ran).toMatchObject({
			code: 2,
			stderr: expect.stringMatching(/cursor .*notes\.txt cannot be used.*Remove it/),
		});
		expect(readFileSync(file, "utf8")).toBe(text);
	}
	const nameless = await user.run(["wait", "--cursor", "", "--timeout", "1ms"]);
	expect(nameless).toMatchObject({ code: 2, stderr: expect.stringContaining("--cursor to name a file") });
});
