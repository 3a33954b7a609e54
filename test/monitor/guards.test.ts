/** Whatever throws at every look: limits, cancel and settling go on, and the user is told once. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { sealsOf } from "../../src/config/signing-key.ts";
import { Guard } from "../../src/monitor/guard.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { markedPids } from "../../src/process/processes.ts";
import { openRun, type RunDir } from "../../src/process/run-dir.ts";
import { sealedFacts } from "../../src/process/sealed-file.ts";
import { eventsAfter } from "../../src/queue/records/events.ts";
import { lastLines } from "../../src/queue/records/log.ts";
import { dropNames } from "../../src/queue/records/names.ts";
import { DispatchError } from "../../src/task/errors.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { HOST } from "../queue/records/store-support.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const WAITS = "exec sleep 1000";
/** Between two looks, as a start that is still under way is a sign of life: one silence may not be enough. */
const MINUTE_MS = 61_000;
const FINISHES = "printf -- '- [x] All\\n' >plan.md; : >ipc/.done; exit 0";

afterEach(() => {
	delete process.env.DISPATCH_FAULT;
});

const faultEvents = async () =>
	(await eventsAfter(stage().store, "0")).filter(({ kind }) => kind === "fault");

/** Looks until the task is in the state. @param stepMs how much later each look is than the one before */
async function lookUntil(
	id: string,
	state: string,
	monitor = stage().reconciler(),
	stepMs = 0,
): Promise<void> {
	await until(async () => {
		stage().now += stepMs;
		await monitor.reconcile(id);
		expect(await stage().store.stateOf(id)).toBe(state);
	});
	monitor.stop();
}

const STEPS = [
	"look.limits",
	"look.status",
	"look.launched",
	"look.log",
	"look.appended",
	"look.gate",
	"look.plan",
	"look.ipc",
	"look.notes",
	"look.progress",
	"bridge.rejected",
	"bridge.ask",
	"bridge.publish",
	"bridge.delivered",
	"look.read",
	"look.opening",
	"look.opened",
	"end.tree",
	"settle.begin",
	"settle.move",
];

test.each(STEPS)("a task can be cancelled though every look throws at %s", async (point) => {
	const { store } = stage();
	const { nonce } = await stage().agent("t", WAITS);
	process.env.DISPATCH_FAULT = `${point}:throw-always`;
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	await store.cancel("t", "ann@here");
	await lookUntil("t", "cancelled", monitor);
	await expect.poll(() => markedPids(nonce)).toEqual([]);
	expect((await faultEvents()).length).toBeLessThanOrEqual(2);
});

test.each(["look.log", "look.plan", "look.ipc", "bridge.ask", "look.progress", "look.gate"])(
	"an inactivity limit ends the agent though every look throws at %s",
	async (point) => {
		process.env.DISPATCH_FAULT = `${point}:throw-always`;
		await stage().agent("t", WAITS, { inactivityMs: 60_000 });
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		await lookUntil("t", "failed", monitor, MINUTE_MS);
		expect(await stage().store.need("t")).toMatchObject({ reason: "stuck" });
	},
);

test("a step that throws is told once, as an event and to the log, and the other steps go on", async () => {
	const { store } = stage();
	process.env.DISPATCH_FAULT = "look.plan:throw-always";
	const { taskDir } = await stage().agent("t", WAITS);
	const monitor = stage().reconciler();
	writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
	for (let n = 0; n < 4; n++) await monitor.reconcile("t");
	expect(await store.stateOf("t")).toBe("asking");
	expect(await faultEvents()).toMatchObject([{ text: "plan", why: expect.stringContaining("look.plan") }]);
	expect(stage().faults).toHaveLength(1);
	monitor.stop();
});

test("a live task that the list of live tasks has lost is looked at all the same, and the list is said to be short", async () => {
	const { store } = stage();
	await stage().agent("t", WAITS, { inactivityMs: 60_000 });
	const monitor = stage().reconciler();
	await monitor.reconcileAll();
	await store.client.del(store.keys.live("h1"));
	expect(await monitor.reconcileAll()).toMatchObject({ live: 0, looked: 1, unlisted: 1 });
	expect(monitor.sizes.live).toBe(1);
	await until(async () => {
		stage().now += MINUTE_MS;
		await monitor.reconcileAll();
		expect(await store.stateOf("t")).toBe("failed");
	});
	monitor.stop();
});

test("an agent whose run can never be opened ends plainly when it is gone", async () => {
	process.env.DISPATCH_FAULT = "look.opening:throw-always";
	const { run } = await stage().agent("t", FINISHES);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	await lookUntil("t", "failed");
	expect(await stage().store.need("t")).toMatchObject({ reason: "internal" });
});

test("who left the agent's group and goes on printing after its end keeps no task running", async () => {
	const floods = `setsid sh -c 'while :; do echo yyyyyyyyyyyyyyyyyyyy; done' & sleep 0.2; ${FINISHES}`;
	const { run, nonce } = await stage().agent("t", floods);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	const monitor = stage().reconciler();
	// Nobody calls: it comes back by itself.
	await monitor.reconcile("t");
	await until(async () => expect(await stage().store.stateOf("t")).toBe("completed"));
	expect(markedPids(nonce)).toEqual([]);
	monitor.stop();
});

test("an end that cannot be settled, again and again, is a plain failure that says so", async () => {
	process.env.DISPATCH_FAULT = "settle.decided:throw-always";
	const { run } = await stage().agent("t", FINISHES);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	// Nobody calls: it comes back by itself.
	await until(async () => expect(await stage().store.stateOf("t")).toBe("failed"));
	const { reason, outcome } = await stage().store.need("t");
	expect(reason).toBe("internal");
	expect(outcome).toMatchObject({
		logTail: [],
		message: expect.stringContaining("a test's fault at settle.decided"),
	});
	expect(monitor.sizes).toEqual({ live: 0, guards: 0, timers: 0 });
});

test.each(["look.log", "look.gate", "look.plan", "look.ipc", "look.progress", "bridge.rejected"])(
	"an end that could not be settled at one look is not settled at the next without what %s would tell",
	async (point) => {
		const { store } = stage();
		const killed = FINISHES.replace("exit 0", "kill -9 $$");
		await stage().agent("t", killed);
		const run = openRun(stage().home, "t", 1) as RunDir;
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		const monitor = stage().reconciler();
		for (const at of ["settle.begin", point, point]) {
			process.env.DISPATCH_FAULT = `${at}:throw-always`;
			await monitor.reconcile("t");
			expect(await store.stateOf("t")).toBe("running");
		}
		delete process.env.DISPATCH_FAULT;
		await lookUntil("t", "completed", monitor);
	},
);

test.each(STEPS.filter((point) => /^(look|bridge)/.test(point)))(
	"what failed at %s in the last look at a live agent holds up no end, though the looks after it have no need of it",
	async (point) => {
		const { taskDir } = await stage().agent("t", `until [ -e go ]; do sleep 0.02; done; ${FINISHES}`);
		const run = openRun(stage().home, "t", 1) as RunDir;
		const monitor = stage().reconciler();
		process.env.DISPATCH_FAULT = `${point}:throw-always`;
		await monitor.reconcile("t");
		delete process.env.DISPATCH_FAULT;
		writeFileSync(join(taskDir, "go"), "");
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await lookUntil("t", "completed", monitor);
	},
);

test("last words that Redis did not take at first stand in the log before the end", async () => {
	process.env.DISPATCH_FAULT = "look.log:throw-once";
	const { run } = await stage().agent("t", `echo last words; ${FINISHES}`);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	await until(async () => expect(await stage().store.stateOf("t")).toBe("completed"));
	expect((await lastLines(stage().store, "t", 5)).map(({ text }) => text)).toEqual(["last words"]);
});

describe("a check (--verify)", () => {
	test.each(["settle.begin", "settle.move"])(
		"is ended by a cancel though every settling throws at %s",
		async (point) => {
			const { nonce, run } = await stage().agent("t", FINISHES, { verify: "exec sleep 1000" });
			await until(() => expect(agentStatus(run).kind).toBe("exited"));
			const monitor = stage().reconciler();
			await monitor.reconcile("t");
			await until(() => expect(markedPids(`${nonce}-verify`).length).toBeGreaterThan(0));
			process.env.DISPATCH_FAULT = `${point}:throw-always`;
			await stage().store.cancel("t", "ann@here");
			await lookUntil("t", "cancelled", monitor);
			expect(markedPids(`${nonce}-verify`)).toEqual([]);
		},
	);

	test("of more than 128 KiB runs", async () => {
		const verify = `: ${"x".repeat(200_000)}\nexit 0`;
		await stage().agent("t", FINISHES, { verify });
		await lookUntil("t", "completed");
	});

	test("with a NUL character is refused, once and for all", async () => {
		await stage().agent("t", FINISHES, { verify: "true\0" });
		await lookUntil("t", "failed");
		const { reason, outcome } = await stage().store.need("t");
		expect([reason, outcome?.message]).toEqual(["verify_failed", expect.stringContaining("NUL")]);
	});
});

const SHORT = Object.assign(new Error("too many open files"), { code: "EMFILE" });

test.each([
	["an outage of Redis", new DispatchError("DISPATCH_REDIS_UNREACHABLE", "READONLY")],
	["a shortage of descriptors", SHORT],
	["a shortage behind another error", new DispatchError("DISPATCH_DISK", "It failed.", { cause: SHORT })],
])("%s makes nothing hopeless, however often it is met; anything else does", async (_name, passing) => {
	const guard = new Guard(1, async () => {});
	for (let n = 0; n < 20; n++) await guard.step("settle", () => Promise.reject(passing));
	expect([guard.isHopeless("settle"), guard.hasFailed("settle")]).toEqual([false, true]);
	expect([guard.isUndecidedBefore("settle"), guard.isUndecidedBefore("end")]).toEqual([false, true]);
	for (let n = 0; n < 5; n++) await guard.step("settle", () => Promise.reject(new Error("ours")));
	expect(guard.isHopeless("settle")).toBe(true);
});

describe("a run directory that the agent can reach", () => {
	const damage = (run: RunDir, text: string) => writeFileSync(join(run.path, "run.json"), text);

	test.each(["{half of i", "", "[]"])(
		"whose facts read %j tells all the same how the agent ended",
		async (text) => {
			const { run } = await stage().agent("t", FINISHES);
			await until(() => expect(agentStatus(run).kind).toBe("exited"));
			damage(run, text);
			await lookUntil("t", "completed");
			expect(await stage().store.need("t")).toMatchObject({ epoch: 1, attempt: 1 });
		},
	);

	test("whose facts are gone hides no live agent: it is followed, limited, and ended by a cancel", async () => {
		const { run, nonce } = await stage().agent("t", WAITS);
		rmSync(join(run.path, "run.json"));
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		expect(await stage().store.stateOf("t")).toBe("running");
		expect(markedPids(nonce).length).toBeGreaterThan(0);
		await stage().store.cancel("t", "ann@here");
		await lookUntil("t", "cancelled", monitor);
		await expect.poll(() => markedPids(nonce)).toEqual([]);
	});

	test("that this host claimed for another start tells nothing of this one: no word of it counts, its agent is ended", async () => {
		const { run, nonce } = await stage().agent("t", WAITS);
		stage().hub.startedHere.delete(nonce);
		const facts = JSON.parse(readFileSync(join(run.path, "run.json"), "utf8"));
		// In one step: its wrapper may be writing there.
		renameSync(run.path, join(stage().home, "away"));
		mkdirSync(run.path);
		damage(run, JSON.stringify(sealedFacts({ ...facts, nonce: "another" }, sealsOf(stage().home))));
		writeFileSync(join(run.path, "exit"), "0\n");
		await lookUntil("t", "queued");
		expect(markedPids(nonce)).toEqual([]);
		expect(await stage().store.need("t")).toMatchObject({ charge: false });
	});
});

test("a record that cannot be decoded: its task is cancelled all the same, and its agent ended", async () => {
	const { store } = stage();
	const { nonce } = await stage().agent("t", WAITS);
	await store.client.hset(store.keys.task("t"), "progress", "{half a rec", "spec", "{");
	await store.cancel("t", "ann@here");
	await lookUntil("t", "cancelled");
	await expect.poll(() => markedPids(nonce)).toEqual([]);
});

test("a record that cannot be decoded, and whose agent has ended, fails plainly", async () => {
	const { store } = stage();
	const { run } = await stage().agent("t", FINISHES);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	await store.client.hset(store.keys.task("t"), "progress", "{half a rec", "spec", "{");
	await stage().reconciler().reconcile("t");
	await until(async () => expect(await store.stateOf("t")).toBe("failed"));
});

test.each([
	{ attempt: "abc" },
	{ epoch: "x" },
	{ generation: "" },
	{ workingSince: "inf" },
	{ needs: "{" },
	{ host: "B AD" },
	{ host: "" },
])("one that cannot be moved either holds no place once its agent has ended: %o", async (damage) => {
	const { store } = stage();
	const { run } = await stage().agent("t", FINISHES);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	await store.client.hset(store.keys.task("t"), damage);
	await lookUntil("t", "cancelled");
	expect(await store.liveCount(HOST)).toBe(0);
	await dropNames(store, HOST);
	expect((await store.liveBriefs(HOST)).size).toBe(0);
});

describe("an agent whose task has gone on without it", () => {
	test("is ended, and an event says so", async () => {
		const { store } = stage();
		const { nonce } = await stage().agent("t", WAITS);
		expect(await stage().endStrays()).toEqual([]);
		await store.move({ id: "t", from: ["running"], to: "failed" });
		expect(await stage().endStrays()).toEqual(["t"]);
		expect(markedPids(nonce)).toEqual([]);
		expect((await eventsAfter(store, "0")).map(({ kind }) => kind)).toContain("stray_ended");
	});

	test("is ended though its record, or another's, is damaged", async () => {
		const { store } = stage();
		const { nonce } = await stage().agent("t", WAITS);
		const other = await stage().agent("a", WAITS);
		await store.client.multi().del(store.keys.task("a")).lpush(store.keys.task("a"), "x").exec();
		await store.client.hset(store.keys.task("t"), "state", "failed", "progress", "{half a rec");
		expect(await stage().endStrays()).toEqual(["t"]);
		expect(markedPids(nonce)).toEqual([]);
		// Of that one nothing is known.
		expect(markedPids(other.nonce).length).toBeGreaterThan(0);
	});

	test("is ended with its check, while the check of a live task goes on", async () => {
		const { store } = stage();
		const { nonce, run } = await stage().agent("t", FINISHES, { verify: "exec sleep 1000" });
		await until(() => expect(agentStatus(run).kind).toBe("exited"));
		await stage().reconciler().reconcile("t");
		await until(() => expect(markedPids(`${nonce}-verify`).length).toBeGreaterThan(0));
		expect(await stage().endStrays()).toEqual([]);
		expect(markedPids(`${nonce}-verify`).length).toBeGreaterThan(0);
		await store.client.hset(store.keys.task("t"), "state", "failed");
		expect(await stage().endStrays()).toEqual(["t"]);
		expect(markedPids(`${nonce}-verify`)).toEqual([]);
	});

	test("is left alone when Redis does not know its task, or knows another of that id", async () => {
		const { store } = stage();
		const { nonce, run } = await stage().agent("t", WAITS);
		await store.client.hset(store.keys.task("t"), "state", "failed");
		const facts = JSON.parse(readFileSync(join(run.path, "run.json"), "utf8"));
		writeFileSync(join(run.path, "run.json"), JSON.stringify({ ...facts, taskNonce: "another" }));
		expect(await stage().endStrays()).toEqual([]);
		await store.client.del(store.keys.task("t"));
		expect(await stage().endStrays()).toEqual([]);
		expect(markedPids(nonce).length).toBeGreaterThan(0);
	});
});

test.runIf(process.getuid?.() !== 0)("an agent that takes every permission away from its files", async () => {
	const { taskDir } = await stage().agent("t", WAITS, { inactivityMs: 60_000 });
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	chmodSync(taskDir, 0);
	await lookUntil("t", "failed", monitor, MINUTE_MS);
	chmodSync(taskDir, 0o700);
	expect(await stage().store.need("t")).toMatchObject({ reason: "stuck" });
});

test("a task directory that became something else does not stop the limits", async () => {
	const { taskDir, run } = await stage().agent("t", "cd /; exec sleep 1000", { inactivityMs: 60_000 });
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	rmSync(taskDir, { recursive: true });
	writeFileSync(taskDir, "in the way");
	await monitor.reconcile("t");
	await lookUntil("t", "failed", monitor, MINUTE_MS);
	expect(existsSync(join(run.path, "ending"))).toBe(true);
	rmSync(taskDir);
	mkdirSync(taskDir);
	expect(openRun(stage().home, "t", 1)).not.toBeNull();
});
