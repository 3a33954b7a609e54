/** `batch --wait` says what happens as it happens, and at the end what it came to. */
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

test("a line for each start, question, answer and end, as it happens; then the totals", async () => {
	user = new User({ agents: { quick: "all-done-no-donefile.sh", broken: "item-error.sh" } });
	user.write(
		"tasks.json",
		JSON.stringify([
			{ id: "quick", prompt: "One", model: "quick" },
			{ id: "broken", prompt: "Two", model: "broken", attempts: 1 },
			{ id: "asks", prompt: "Three" },
		]),
	);
	const batch = user.start(["batch", "tasks.json", "--wait"]);
	let said = "";
	batch.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	for (const line of [
		/^`quick` started using quick\.\n(?:.*\n)*`quick` complete\. /m,
		/^`broken` started using broken\.\n(?:.*\n)*`broken` failed \(item_error\)\. /m,
		/^`asks` started using fake\.\n(?:.*\n)*`asks` asks: "Which colour\?" Answer with: dispatch answer asks "…"$/m,
	])
		await expect.poll(() => said).toMatch(line);
	expect(said).not.toMatch(/completed, /);
	await user.ok(["answer", "asks", "Blue"]);
	await expect.poll(() => batch.exitCode).toBe(1);
	expect(said).toMatch(/\n`asks` was answered by \S+@\S+ at [\d:]{8}: "Blue"\n(?:.*\n)*`asks` complete\. /);
	expect(said).toMatch(/\n2 completed, 1 failed in \d+\S*\n$/);
	const told = (id: string) => said.match(new RegExp(`^\`${id}\` (?:complete|failed)`, "gm"));
	for (const id of ["quick", "asks"]) expect(told(id), id).toHaveLength(1);
	// What failed stands at the end once more.
	expect(told("broken")).toHaveLength(2);
});

test("when its time is over it has told what ended, what is asked, and how far it came", async () => {
	user = new User({ agents: { quick: "all-done-no-donefile.sh" } });
	user.write(
		"tasks.json",
		JSON.stringify([
			{ id: "quick", prompt: "One", model: "quick" },
			{ id: "asks", prompt: "Two" },
		]),
	);
	await user.ok(["batch", "tasks.json", "--key", "k"]);
	await user.waitForState("quick", "completed");
	await user.waitForState("asks", "asking");
	const ran = await user.run(["batch", "tasks.json", "--key", "k", "--wait", "--timeout", "1ms"]);
	expect(ran).toMatchObject({
		code: 4,
		stderr: expect.stringContaining("Timed out waiting: asks is asking."),
	});
	expect(ran.stdout).toMatch(/^`quick` complete\. /m);
	expect(ran.stdout).toMatch(/^`asks` asks: "Which colour\?" Answer with: dispatch answer asks "…"$/m);
	expect(ran.stdout).toMatch(/\n1 completed, 1 asking in \d+\S*\n$/);
});

test("what failed and is started again while another works counts as it ends then, and each waiter says so", async () => {
	user = new User({ agents: { once: "crash-once.sh", dep: "all-done-no-donefile.sh" } });
	user.write(
		"tasks.json",
		JSON.stringify([
			{ id: "once", prompt: "One", model: "once", attempts: 1 },
			{ id: "dep", prompt: "Two", model: "dep", needs: ["once"] },
			{ id: "asks", prompt: "Three" },
		]),
	);
	const heard = (args: string[]) => {
		const child = user.start(args);
		const waiter = { child, said: "" };
		child.stdout?.on("data", (chunk: Buffer) => {
			waiter.said += chunk.toString();
		});
		return waiter;
	};
	const log = heard(["batch", "tasks.json", "--key", "re", "--wait"]);
	await expect.poll(() => log.said).toMatch(/^`once` failed/m);
	const others = [heard(["batch", "wait", "re"]), heard(["wait", "once", "dep", "asks"])];
	for (const waiter of [log, ...others.slice(0, 1)])
		await expect.poll(() => waiter.said).toMatch(/^`dep` (?:skipped|cancelled)/m);
	await user.ok(["retry", "once"]);
	await user.waitForState("dep", "completed");
	await user.waitForState("asks", "asking");
	await user.ok(["answer", "asks", "Blue"]);
	for (const { child } of [log, ...others]) await expect.poll(() => child.exitCode).toBe(0);
	for (const { said } of [log, ...others.slice(0, 1)]) {
		expect(said).toMatch(/\n`once` started again using once \(attempt \d\)\.\n(?:.*\n)*`once` complete\. /);
		expect(said).toMatch(/\n`dep` complete\. /);
		expect(said).toMatch(/\n3 completed in \d+\S*\n$/);
	}
});

test("what one look finds at once is told in turn: the end of a task before the start that needs it", async () => {
	user = new User({ agents: { quick: "all-done-no-donefile.sh" } });
	const quick = (id: string, ...needs: string[]) => ({ id, prompt: "One", model: "quick", needs });
	user.write(
		"tasks.json",
		JSON.stringify([quick("third", "second"), quick("second", "asks"), { id: "asks", prompt: "Two" }]),
	);
	const batch = user.start(["batch", "tasks.json", "--wait"]);
	let said = "";
	batch.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString();
	});
	await expect.poll(() => said).toContain("`asks` asks");
	// It has no look until all is over.
	batch.kill("SIGSTOP");
	await user.ok(["answer", "asks", "Blue"]);
	await user.waitForState("third", "completed");
	batch.kill("SIGCONT");
	await expect.poll(() => batch.exitCode).toBe(0);
	const lines = said.match(/^`\w+` (?:started|complete)/gm);
	expect(lines?.map((line) => line.replaceAll("`", ""))).toEqual([
		...["asks started", "asks complete", "second started", "second complete"],
		...["third started", "third complete"],
	]);
});

test("a task that is dispatched anew after it was removed is started, not started again", async () => {
	user = new User({ agents: { quick: "all-done-no-donefile.sh" } });
	user.write("tasks.json", JSON.stringify([{ id: "quick", prompt: "One", model: "quick" }]));
	for (const _ of [1, 2]) {
		const said = await user.ok(["batch", "tasks.json", "--key", "k", "--wait"]);
		expect(said).toMatch(/^`quick` started using quick\.$/m);
		expect(said).not.toContain("again");
		await user.ok(["rm", "quick"]);
	}
});
