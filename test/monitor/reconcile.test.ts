import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { readPlan } from "../../src/ipc/plan-file.ts";
import { readIpc } from "../../src/ipc/questions.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { markedPids } from "../../src/process/processes.ts";
import { eventsAfter } from "../../src/queue/records/events.ts";
import { lastLines } from "../../src/queue/records/log.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const WAITS = "exec sleep 1000";

describe("questions and answers", () => {
	test("a question file → Redis, the answer → a file, `.done` → delivered; each once", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		writeFileSync(join(taskDir, "ipc/001.question"), "Which port?\n");
		await monitor.reconcile("t");
		await monitor.reconcile("t");
		expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "001", text: "Which port?" }]);
		expect(await store.stateOf("t")).toBe("asking");
		expect(existsSync(join(taskDir, "ipc/001.answer"))).toBe(false);

		await store.answer("t", { text: "80\n$(it)", by: "ann@here", token: "k" });
		await monitor.reconcile("t");
		expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("80\n$(it)");
		expect(await store.stateOf("t")).toBe("running");
		expect(await store.undelivered("t")).toHaveLength(1);
		writeFileSync(join(taskDir, "ipc/001.done"), "");
		await monitor.reconcile("t");
		expect(await store.undelivered("t")).toEqual([]);
	});

	test("a monitor without memory finds the same, and writes an answer that a crash held back", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
		await stage().reconciler().reconcile("t");
		await store.answer("t", { text: "This", by: "ann@here", token: "k" });
		await stage().reconciler().reconcile("t");
		expect(await store.questions("t")).toMatchObject([{ seq: "001", answer: "This" }]);
		expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("This");
	});

	test("an answer waits for a directory that takes it", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
		await monitor.reconcile("t");
		await store.answer("t", { text: "This", by: "ann@here", token: "k" });
		rmSync(join(taskDir, "ipc"), { recursive: true });
		writeFileSync(join(taskDir, "ipc"), "in the way");
		await monitor.reconcile("t");
		expect(await store.undelivered("t")).toHaveLength(1);
		rmSync(join(taskDir, "ipc"));
		mkdirSync(join(taskDir, "ipc"));
		await monitor.reconcile("t");
		expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("This");
	});

	test.each([
		["git clean -fdx", ".."],
		["rm -rf of its place for questions", "ipc"],
	])("%s with questions: what vanished is made again, answers arrive, the plan stays", async (_how, what) => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS, { givenItems: ["one", "two"] });
		const monitor = stage().reconciler();
		writeFileSync(join(taskDir, "plan.md"), "# T\n\n- [x] one\n- [ ] two\n  soon\n");
		for (const n of ["001", "002", "003"]) writeFileSync(join(taskDir, `ipc/${n}.question`), `Which ${n}?`);
		await monitor.reconcile("t");
		await store.answer("t", { text: "first", by: "ann@here", seq: "001", token: "k1" });
		await monitor.reconcile("t");
		writeFileSync(join(taskDir, "ipc/001.done"), "");
		await monitor.reconcile("t");
		rmSync(join(taskDir, what), { recursive: true });
		await store.answer("t", { text: "second", by: "ann@here", seq: "002", token: "k2" });
		await stage().reconciler().reconcile("t");
		expect(readIpc(taskDir)).toMatchObject({
			questions: [{ seq: "001" }, { seq: "002" }, { seq: "003", text: "Which 003?" }],
			answered: ["001", "002"],
			done: ["001"],
		});
		expect(readPlan(taskDir)?.items.map(({ marker }) => marker)).toEqual(["x", " "]);
		expect(await store.openQuestions()).toMatchObject([{ seq: "003" }]);
		const told = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "directory_restored");
		expect(told).toHaveLength(1);
	});

	test("what is no plain file is refused, and told once", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		symlinkSync("/etc/passwd", join(taskDir, "ipc/001.question"));
		mkdirSync(join(taskDir, "ipc/002.question"));
		await monitor.reconcile("t");
		await monitor.reconcile("t");
		expect(await store.openQuestions()).toEqual([]);
		const refused = (await eventsAfter(store, "0")).filter(({ kind }) => kind === "file_refused");
		expect(refused).toHaveLength(2);
	});
});

const eventsOf = async (task: string) =>
	(await eventsAfter(stage().store, "0", 20_000)).filter((event) => event.task === task);

describe("an agent that answers its own question", () => {
	test("is told, its answer set aside, and the person's one comes under its name", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		for (const [name, text] of Object.entries({ question: "Delete all?", answer: "NO", done: "" }))
			writeFileSync(join(taskDir, `ipc/001.${name}`), text);
		await monitor.reconcile("t");
		await monitor.reconcile("t");
		expect(await store.openQuestions()).toMatchObject([{ task: "t", seq: "001" }]);
		expect((await eventsOf("t")).filter(({ kind }) => kind === "self_answered")).toMatchObject([
			{ seq: "001", text: "NO", by: "agent of t" },
		]);
		// Where a person looks.
		expect((await lastLines(store, "t", 10)).map(({ text }) => text)).toContainEqual(
			expect.stringContaining("The agent itself answered question 001: set aside"),
		);
		await store.answer("t", { text: "yes", by: "ann@here", token: "k" });
		await monitor.reconcile("t");
		expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("yes");
		expect(await store.undelivered("t")).toHaveLength(1);
		expect(await store.questions("t")).toMatchObject([{ answer: "yes", answeredBy: "ann@here" }]);
	});

	test("after the person answered: what the agent put there is no delivery", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		writeFileSync(join(taskDir, "ipc/001.question"), "Delete all?");
		await stage().reconciler().reconcile("t");
		await store.answer("t", { text: "yes", by: "ann@here", token: "k" });
		writeFileSync(join(taskDir, "ipc/001.answer"), "NO");
		writeFileSync(join(taskDir, "ipc/001.done"), "");
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("yes");
		expect(await store.undelivered("t")).toHaveLength(1);
		writeFileSync(join(taskDir, "ipc/001.done"), "");
		await monitor.reconcile("t");
		expect(await store.undelivered("t")).toEqual([]);
	});

	test("a number that is used again is no such trick", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		for (const text of ["First?", "Second?"]) {
			writeFileSync(join(taskDir, "ipc/001.question"), text);
			await monitor.reconcile("t");
			await store.answer("t", { text, by: "ann@here", token: text });
			await monitor.reconcile("t");
			expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe(text);
			writeFileSync(join(taskDir, "ipc/001.done"), "");
			await monitor.reconcile("t");
		}
		expect(await store.undelivered("t")).toEqual([]);
		expect((await eventsOf("t")).map(({ kind }) => kind)).not.toContain("self_answered");
	});
});

describe("a flood of questions", () => {
	test("few are open at once, the rest waits for its turn, which is said", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		const seqOf = (number: number) => String(number).padStart(3, "0");
		const big = "x".repeat(60_000);
		for (let number = 1; number <= 25; number++)
			writeFileSync(join(taskDir, `ipc/${seqOf(number)}.question`), `${number} ${big}`);
		await monitor.reconcile("t");
		await monitor.reconcile("t");
		const open = async () => (await store.openQuestions()).map(({ seq }) => Number(seq));
		const first = await open();
		expect(first.length).toBeLessThan(20);
		expect((await eventsOf("t")).filter(({ kind }) => kind === "file_refused")).toHaveLength(1);
		// The turn of the others comes: every question is asked once.
		const asked = new Set(first);
		for (let number = 1; number <= 10; number++) {
			const seq = seqOf(number);
			await store.answer("t", { text: "yes", by: "ann@here", token: seq, seq });
			writeFileSync(join(taskDir, `ipc/${seq}.done`), "");
			await monitor.reconcile("t");
			writeFileSync(join(taskDir, `ipc/${seq}.done`), "");
			await monitor.reconcile("t");
			for (const each of await open()) asked.add(each);
		}
		expect([...asked].sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
	});

	test("many short ones wait too, and that is told once", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		for (let number = 100; number < 400; number++)
			writeFileSync(join(taskDir, `ipc/${number}.question`), `Question ${number}?`);
		for (let look = 0; look < 3; look++) await monitor.reconcile("t");
		expect(await store.openQuestions()).toHaveLength(20);
		const told = (await eventsOf("t")).map(({ kind }) => kind);
		expect(told.filter((kind) => kind === "questions_wait")).toHaveLength(1);
		expect(told.filter((kind) => kind === "asked")).toHaveLength(20);
	});

	test("one agent cannot push the others' events out of the stream", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS);
		const monitor = stage().reconciler();
		for (let round = 0; round < 230; round++) {
			writeFileSync(join(taskDir, "ipc/001.question"), `Question ${round}?`);
			await monitor.reconcile("t");
		}
		const told = (await eventsOf("t")).map(({ kind }) => kind);
		expect(told.filter((kind) => kind === "asked").length).toBeLessThanOrEqual(200);
		expect(told.filter((kind) => kind === "events_left_out")).toHaveLength(1);
		// The question itself is there all the same, and so is the end.
		expect(await store.openQuestions()).toMatchObject([{ text: "Question 229?" }]);
		await store.move({ id: "t", from: ["asking"], epoch: 1, to: "failed" });
		expect((await eventsOf("t")).at(-1)).toMatchObject({ kind: "failed" });
	});
});

test("plan, output and activity become progress; a line is told once, by whichever monitor", async () => {
	const { store } = stage();
	const { run, taskDir } = await stage().agent("t", `echo first; echo 'second \u001b[31mred'; ${WAITS}`);
	await until(() => expect(readFileSync(run.logPath, "utf8")).toContain("second"));
	writeFileSync(join(taskDir, "plan.md"), "# Work\n\n- [x] One\n- [ ] Two\n");
	await stage().reconciler().reconcile("t");
	await stage().reconciler().reconcile("t");
	expect((await lastLines(store, "t", 10)).map(({ text }) => text)).toEqual([
		"first",
		expect.stringContaining("second"),
	]);
	expect((await store.need("t")).progress.plan).toMatchObject({
		title: "Work",
		items: [
			{ marker: "x", text: "One" },
			{ marker: " ", text: "Two" },
		],
	});
});

describe("the end", () => {
	test("is settled once, with the last words, and the tree is swept", async () => {
		const { store } = stage();
		const { run, nonce } = await stage().agent(
			"t",
			"printf -- '- [x] All\\n' >plan.md; echo bye; : >ipc/.done; echo report >output.md; sleep 1000 & exit 0",
		);
		await until(() => expect(agentStatus(run)).toEqual({ kind: "exited", code: 0, signal: null }));
		const monitor = stage().reconciler();
		await Promise.all([monitor.reconcile("t"), monitor.reconcile("t")]);
		expect(await store.need("t")).toMatchObject({
			state: "completed",
			hasReport: true,
			outcome: { exitCode: 0, logTail: ["bye"] },
		});
		expect(await store.report("t")).toBe("report\n");
		expect(markedPids(nonce)).toEqual([]);
		expect(monitor.live.size).toBe(0);
	});

	test("an item that names a secret is found in the plan as the user gave it", async () => {
		const { store } = stage();
		rememberSecret("A_KEY", "plGiven0123456789");
		const givenItems = ["plGiven0123456789", "Ask with plGiven0123456789"];
		const { run } = await stage().agent("t", "sed -i 's/\\[ /[x/' plan.md; : >ipc/.done", { givenItems });
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await stage().reconciler().reconcile("t");
		const { state, outcome, progress } = await store.need("t");
		expect({ state, warnings: outcome?.warnings }).toEqual({ state: "completed", warnings: [] });
		expect(progress.plan.items.map(({ text }) => text)).toEqual(["[A_KEY]", "Ask with [A_KEY]"]);
	});

	test("of an earlier start changes nothing", async () => {
		const { store } = stage();
		const { run } = await stage().agent("t", "exit 3", { attempts: 2 });
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await stage().reconciler().reconcile("t");
		expect(await store.need("t")).toMatchObject({ state: "queued", epoch: 1, attempt: 1 });
		const again = await store.need("t");
		await stage().reconciler().reconcile("t");
		expect(await store.need("t")).toEqual(again);
	});

	test("a permit without an agent goes back to the queue, and no attempt is counted", async () => {
		const { store } = stage();
		await stage().permit("t");
		await stage().reconciler().reconcile("t");
		expect(await store.need("t")).toMatchObject({ state: "queued", charge: false, reason: null });
	});

	test("a question that is open when the agent gives up parks the task", async () => {
		const { store } = stage();
		const { run } = await stage().agent(
			"t",
			"printf -- '- [?] Choose\\n' >plan.md; echo Which? >ipc/001.question; exit 0",
		);
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await stage().reconciler().reconcile("t");
		expect(await store.stateOf("t")).toBe("parked");
		await store.answer("t", { text: "This", by: "ann@here", token: "k" });
		expect(await store.stateOf("t")).toBe("queued");
	});
});

describe("limits", () => {
	test("a cancel ends a tree that ignores SIGTERM", async () => {
		const { store } = stage();
		const { nonce } = await stage().agent("t", "trap '' TERM; while :; do sleep 0.1; done");
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		expect(await store.cancel("t", "ann@here")).toMatchObject({ result: "cancelling" });
		await monitor.reconcile("t");
		await until(async () => expect(await store.stateOf("t")).toBe("cancelled"));
		expect(markedPids(nonce)).toEqual([]);
	});

	test("work over the deadline ends; the time of asking does not count", async () => {
		const { store } = stage();
		const { taskDir } = await stage().agent("t", WAITS, { deadlineMs: 60_000, inactivityMs: 10_000_000 });
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
		await monitor.reconcile("t");
		expect(await store.stateOf("t")).toBe("asking");
		stage().now += 3_600_000;
		await monitor.reconcile("t");
		// What ended it, if something did, stands in the failure.
		expect((await store.need("t")).outcome).toBeNull();
		expect(await store.stateOf("t")).toBe("asking");
		await store.answer("t", { text: "This", by: "ann@here", token: "k" });
		await monitor.reconcile("t");
		stage().now += 61_000;
		await monitor.reconcile("t");
		await until(async () =>
			expect(await store.need("t")).toMatchObject({ state: "failed", reason: "deadline" }),
		);
	});
});

test("one task's fault does not touch the others of the cycle", async () => {
	const { store } = stage();
	const { taskDir } = await stage().agent("good", WAITS);
	const { taskDir: broken } = await stage().agent("broken", WAITS);
	rmSync(broken, { recursive: true });
	writeFileSync(broken, "in the way");
	writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
	expect(await stage().reconciler().reconcileAll()).toMatchObject({ live: 2, looked: 2 });
	expect(await store.stateOf("good")).toBe("asking");
	expect(await store.stateOf("broken")).toBe("running");
});

test("a task of the name and epoch of a former one is not taken for it, and who is stopped looks no more", async () => {
	const { store } = stage();
	const monitor = stage().reconciler();
	await stage().agent("t", WAITS);
	await monitor.reconcile("t");
	const former = [...monitor.live.values()][0];
	await stage().endAgents();
	// As after a restored copy of Redis: nothing there says that the name was used.
	await store.client.flushall();
	rmSync(join(stage().home, "runs"), { recursive: true });
	rmSync(join(stage().project, ".dispatch"), { recursive: true });
	const { nonce } = await stage().agent("t", WAITS);
	await monitor.reconcile("t");
	expect([...monitor.live.values()].map(({ run }) => run.facts.nonce)).toEqual([nonce]);
	expect(former).toMatchObject({ run: { facts: { nonce: expect.not.stringContaining(nonce) } } });
	expect(await store.stateOf("t")).toBe("running");
	await monitor.stop();
	await store.cancel("t", "ann@here");
	expect(await monitor.reconcile("t")).toBe(false);
	expect(await store.stateOf("t")).toBe("running");
});
