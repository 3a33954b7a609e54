/** What an agent writes into the facts of its own start moves nobody's hand into another task's directory. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NOTHING } from "../../src/monitor/followed.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { liveStarts } from "../../src/process/end-run.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const WAITS = "exec sleep 1000";

test("a run.json that names another task's directory is not followed there", async () => {
	const { store } = stage();
	const other = await stage().agent("other", WAITS);
	const liar = await stage().agent("liar", WAITS);
	writeFileSync(join(other.taskDir, "ipc/001.question"), "of the other task?");
	writeFileSync(join(other.taskDir, "plan.md"), "# P\n\n- [x] of the other task\n");
	writeFileSync(join(liar.taskDir, "ipc/001.question"), "Mine?");
	const path = join(liar.run.path, "run.json");
	const facts = JSON.parse(readFileSync(path, "utf8"));
	const lies = {
		cwd: "/",
		taskDir: other.taskDir,
		taskNonce: "x",
		backend: "__proto__",
		sessionId: 5,
		startedAt: {},
	};
	writeFileSync(path, JSON.stringify({ ...facts, ...lies }));
	// As a daemon that never saw it.
	const monitor = stage().reconciler();
	await monitor.reconcile("liar");
	expect((await store.questions("liar")).map(({ text }) => text)).toEqual(["Mine?"]);
	expect((await store.need("liar")).progress.plan.items).toEqual([]);
	await store.answer("liar", { text: "for the liar", by: "me" });
	await monitor.reconcile("liar");
	expect(readFileSync(join(liar.taskDir, "ipc/001.answer"), "utf8")).toBe("for the liar");
	expect(readdirSync(join(other.taskDir, "ipc"))).toEqual(["001.question"]);
	expect(stage().faults).toEqual([]);
});

const NONE = { base: "0".repeat(40), inside: "", programs: null };

/** What somebody who can write to Redis may put in the place of what a start was made by. */
const CHANGED = {
	"another directory": (spec: TaskSpec, elsewhere: string) => ({ spec: { ...spec, cwd: elsewhere } }),
	"a worktree elsewhere": (spec: TaskSpec, elsewhere: string) => ({
		spec: { ...spec, worktree: { ...NONE, repository: elsewhere, gitDir: elsewhere, folder: elsewhere } },
	}),
	"another backend": (spec: TaskSpec) => ({ spec: { ...spec, backend: "other" } }),
};

test.each(Object.entries(CHANGED))(
	"a live start is followed where it was begun, whatever its record says by now: %s",
	async (_, change) => {
		const { store } = stage();
		const { taskDir, run } = await stage().agent("t", WAITS);
		const elsewhere = temporaryFolder("elsewhere");
		const { spec } = await store.need("t");
		const changed = change(spec, elsewhere);
		await store.client.hset(store.keys.task("t"), "spec", JSON.stringify(changed.spec));
		writeFileSync(join(taskDir, "ipc/001.question"), "Mine?");
		const monitor = stage().reconciler();
		await monitor.reconcile("t");
		expect((await store.questions("t")).map(({ text }) => text)).toEqual(["Mine?"]);
		expect(monitor.live.get("t")?.run.facts).toEqual(run.facts);
		expect(readdirSync(elsewhere)).toEqual([]);
		await monitor.stop();
	},
);

test.each(Object.keys(NOTHING))(
	"a wrong type as what was followed so far (%s) is no fault of a look",
	async (field) => {
		const { store } = stage();
		const { run, taskDir } = await stage().agent("t", `echo hello; ${WAITS}`);
		writeFileSync(join(taskDir, "ipc/001.question"), "Which?");
		for (const wrong of [[1], { length: 1 }, field === "sessions" ? "x" : -1.5]) {
			writeFileSync(join(run.path, "followed.json"), JSON.stringify({ offset: 0, seen: { [field]: wrong } }));
			await stage().reconciler().reconcile("t");
		}
		expect(stage().faults).toEqual([]);
		expect(await store.openQuestions()).toMatchObject([{ text: "Which?" }]);
	},
);

test("a start whose run directory is gone leaves neither its agent nor its check", async () => {
	const { store } = stage();
	const check = "while :; do sleep 0.1; done";
	const { run, nonce } = await stage().agent("t", "printf -- '- [x] it\\n' >plan.md; : >ipc/.done", {
		verify: check,
	});
	await expect.poll(() => agentStatus(run).kind).toBe("exited");
	await stage().reconciler().reconcile("t");
	expect(await liveStarts()).toContain(nonce);
	rmSync(run.path, { recursive: true });
	await stage().reconciler().reconcile("t");
	expect((await store.need("t")).state).not.toBe("running");
	expect(await liveStarts()).not.toContain(nonce);
});
