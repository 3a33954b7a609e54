/** What of the work for a live task fails is told where the task is shown, and no longer than it fails. */
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { answerTask } from "../../src/actions/answer.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { addNote } from "../../src/queue/records/notes.ts";
import { viewOf } from "../../src/task/view.ts";
import { canMount, fill, mount, unmount } from "../full-disk.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const until = (check: () => unknown) => vi.waitFor(check, { timeout: CONDITION_LIMIT_MS, interval: 20 });
const WAITS = "exec sleep 1000";
const FINISHES = "printf -- '- [x] All\\n' >plan.md; : >ipc/.done; exit 0";

afterEach(() => {
	delete process.env.DISPATCH_FAULT;
});

/** What a person is told of a live task. */
const troubleOf = async (id: string) => viewOf(await stage().store.need(id), [], "test").trouble;

test.each([
	["look.log", "log"],
	["look.gate", "gate"],
	["look.plan", "plan"],
	["look.ipc", "ipc"],
	["look.notes", "notes"],
	["look.opening", "look"],
	["look.progress", "progress"],
	["look.limits", "limits"],
	["bridge.ask", "questions"],
	["bridge.publish", "answers"],
	["bridge.rejected", "refused files"],
])("what fails at %s is in the record for as long as it does", async (point, step) => {
	await stage().agent("t", WAITS);
	for (const _ of [1, 2]) {
		const monitor = stage().reconciler();
		process.env.DISPATCH_FAULT = `${point}:throw-always`;
		await monitor.reconcile("t");
		expect(await troubleOf("t")).toEqual({ step, why: expect.stringContaining(point) });
		delete process.env.DISPATCH_FAULT;
		await monitor.reconcile("t");
		expect(await troubleOf("t")).toBeNull();
		monitor.stop();
	}
});

test("an end that cannot be settled is told, for as long as its agent is not the task's end", async () => {
	const { run } = await stage().agent("t", FINISHES);
	await until(() => expect(agentStatus(run).kind).toBe("exited"));
	process.env.DISPATCH_FAULT = "settle.begin:throw-always";
	const monitor = stage().reconciler();
	await monitor.reconcile("t");
	expect(await troubleOf("t")).toMatchObject({ step: "settle" });
	delete process.env.DISPATCH_FAULT;
	await until(async () => {
		await monitor.reconcile("t");
		expect(await stage().store.stateOf("t")).toBe("completed");
	});
	monitor.stop();
	expect(await troubleOf("t")).toBeNull();
});

test.runIf(canMount()).each([
	["an answer", "answers", () => stage().store.answer("t", { text: "blue", by: "ann@here", token: "k" })],
	["a note", "notes", () => addNote(stage().store, "t", { text: "Leave the cellar out", by: "ann@here" })],
] as const)(
	"%s for which the project's disk has no room is told until it is written",
	async (_name, step, say) => {
		const { project } = stage();
		expect(mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", project)).toBe(true);
		try {
			const { taskDir } = await stage().agent("t", WAITS);
			const monitor = stage().reconciler();
			writeFileSync(join(taskDir, "plan.md"), "# T\n\n- [ ] All\n");
			writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
			await monitor.reconcile("t");
			const filler = fill(project);
			// The last bytes of the plan's block are room, too.
			const plan = join(taskDir, "plan.md");
			writeFileSync(plan, readFileSync(plan, "utf8").padEnd(4_095, " "));
			await say();
			await monitor.reconcile("t");
			expect(await troubleOf("t")).toEqual({ step, why: expect.stringContaining("ENOSPC") });
			rmSync(filler);
			await monitor.reconcile("t");
			expect(await troubleOf("t")).toBeNull();
			monitor.stop();
		} finally {
			unmount(project);
		}
	},
);

const DOT_DISPATCH = (taskDir: string) => dirname(dirname(taskDir));

test.each<[string, (taskDir: string) => string, (path: string) => void]>([
	["a link in the place of .dispatch", DOT_DISPATCH, (path) => symlinkSync(tmpdir(), path)],
	["a link in the place of its directory", (taskDir) => taskDir, (path) => symlinkSync(tmpdir(), path)],
	["a link in the place of ipc/", (taskDir) => join(taskDir, "ipc"), (path) => symlinkSync(tmpdir(), path)],
	[
		"another task's directory in the place of its own",
		(taskDir) => taskDir,
		(path) => {
			mkdirSync(join(path, "ipc"), { recursive: true });
			writeFileSync(join(path, ".owner.json"), JSON.stringify({ id: "other" }));
		},
	],
])("%s keeps answers away: that is told, also to who answers, until it is gone", async (_, placeOf, put) => {
	const { store } = stage();
	const { taskDir } = await stage().agent("t", WAITS);
	const monitor = stage().reconciler();
	writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
	await monitor.reconcile("t");
	const place = placeOf(taskDir);
	renameSync(place, `${place}.away`);
	put(place);
	await monitor.reconcile("t");
	expect(["ipc", "directory"]).toContain((await troubleOf("t"))?.step);
	const { kept } = await answerTask(store, "t", { text: "blue", by: "ann@here", seq: null });
	expect(kept).toMatch(/questions cannot be read|directory is gone/);
	await monitor.reconcile("t");
	expect(await troubleOf("t")).not.toBeNull();
	rmSync(place, { recursive: true });
	renameSync(`${place}.away`, place);
	await monitor.reconcile("t");
	expect(await troubleOf("t")).toBeNull();
	expect(readFileSync(join(taskDir, "ipc/001.answer"), "utf8")).toBe("blue");
	monitor.stop();
});

test("a note for which the plan has no room is told until it is written", async () => {
	const { taskDir } = await stage().agent("t", WAITS);
	const plan = join(taskDir, "plan.md");
	const monitor = stage().reconciler();
	const item = "# T\n\n- [ ] All\n";
	writeFileSync(plan, item + "x".repeat(1024 * 1024 - item.length));
	await addNote(stage().store, "t", { text: "Leave the cellar out", by: "ann@here" });
	for (const _ of [1, 2]) {
		await monitor.reconcile("t");
		expect(await troubleOf("t")).toEqual({ step: "notes", why: expect.stringContaining("no further note") });
		expect((await stage().store.need("t")).progress.plan.items).toMatchObject([{ text: "All" }]);
	}
	writeFileSync(plan, item);
	await monitor.reconcile("t");
	expect(await troubleOf("t")).toBeNull();
	expect(readFileSync(plan, "utf8")).toContain("Leave the cellar out");
	monitor.stop();
});

test("what an earlier start was told of is not the next one's", async () => {
	await stage().agent("t", WAITS);
	const { store } = stage();
	await store.follow("t", 1, { trouble: { epoch: 1, step: "plan", why: "EACCES" } });
	expect(await troubleOf("t")).toEqual({ step: "plan", why: "EACCES" });
	await store.follow("t", 1, { trouble: { epoch: 0, step: "plan", why: "EACCES" } });
	expect(await troubleOf("t")).toBeNull();
});
