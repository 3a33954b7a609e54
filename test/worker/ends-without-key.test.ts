/**
 * The signing key cannot be used while an agent ends: what needs no key ends as ever, what needs it waits, says why, and
 * ends as it would have once the key is there again. A cancel waits for nothing.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { emptyConfig } from "../../src/config/config.ts";
import { sealsOf } from "../../src/config/signing-key.ts";
import type { Reconciler } from "../../src/monitor/reconcile.ts";
import { agentStatus } from "../../src/process/agent.ts";
import { checkOf } from "../../src/process/end-run.ts";
import { sweepTree } from "../../src/process/end-tree.ts";
import type { RunDir } from "../../src/process/run-dir.ts";
import type { TaskRecord } from "../../src/task/record.ts";
import type { TaskSpec } from "../../src/task/spec.ts";
import { viewOf } from "../../src/task/view.ts";
import { afterSetup } from "../../src/worker/setup.ts";
import { monitorStage } from "../monitor/stage.ts";

const stage = monitorStage();

const DONE = "printf -- '- [x] All\\n' >plan.md; : >ipc/.done";
const LIMIT = `cat '${resolve("test/fixtures/recorded/claude-rate-limited.jsonl")}'; exit 1`;
const GO = "until test -e ipc/go; do sleep 0.02; done";

interface End {
	script: string;
	spec?: Partial<TaskSpec>;
	fallback?: string;
	/** state, reason or hold, and agent, as without the fault */
	is: [TaskRecord["state"], string | null, string];
	/** unseen: only of what the worker never saw signed */
	needsKey: "never" | "always" | "unseen";
}

const one = { attempts: 1 };
const ENDS: Record<string, End> = {
	done: { script: DONE, is: ["completed", null, "fake"], needsKey: "unseen" },
	"a crash": { script: "exit 3", spec: one, is: ["failed", "crashed", "fake"], needsKey: "never" },
	"a limit": { script: LIMIT, is: ["queued", "rate_limited", "fake"], needsKey: "never" },
	"a limit that a fallback follows": {
		script: LIMIT,
		fallback: "next",
		is: ["queued", null, "other"],
		needsKey: "always",
	},
	"a check that passes": {
		script: DONE,
		spec: { verify: "true" },
		is: ["completed", null, "fake"],
		needsKey: "always",
	},
	"a check that fails": {
		script: DONE,
		spec: { ...one, verify: "false" },
		is: ["failed", "verify_failed", "fake"],
		needsKey: "always",
	},
	"a setup that fails": {
		script: DONE,
		spec: { ...one, setup: `cd .dispatch/tasks/t; ${GO}; exit 7` },
		is: ["failed", "setup_failed", "fake"],
		needsKey: "always",
	},
	"its deadline": {
		script: "exec sleep 1000",
		spec: { ...one, deadlineMs: 60_000, inactivityMs: 10_000_000 },
		is: ["failed", "deadline", "fake"],
		needsKey: "never",
	},
};

const FAULTS: Record<string, (key: string) => void> = {
	"its bytes are no key": (key) => writeFileSync(key, ""),
	"a directory": (key) => mkdirSync(key),
	"cannot be read": (key) => symlinkSync(key, key),
};

const keyPath = () => join(stage().home, "signing-key");

/** @returns what mends it */
function spoil(damage: (key: string) => void): () => void {
	const [key, aside] = [keyPath(), `${keyPath()}.aside`];
	renameSync(key, aside);
	damage(key);
	return () => {
		rmSync(key, { recursive: true, force: true });
		renameSync(aside, key);
	};
}

function worker(fallback?: string): Reconciler {
	const config = emptyConfig();
	for (const name of ["fake", "other"])
		config.backends[name] = { name, type: "claude", command: "true", modelFlag: false, permissions: null };
	config.models.next = { backend: "other", id: null };
	config.fallback = fallback === undefined ? [] : [fallback];
	// However soon the limit is over.
	config.fallbackAfterMs = Number.NEGATIVE_INFINITY;
	return stage().reconciler(config);
}

/** @returns where it has come to, or why it waits */
async function look(monitor: Reconciler): Promise<unknown> {
	// Work of so long is over its deadline.
	stage().now += 30_000;
	await monitor.reconcile("t");
	const record = await stage().store.need("t");
	const { trouble } = viewOf(record, [], "n");
	if (trouble !== null) return { waits: trouble.why };
	const { state, reason, hold, chosen } = record;
	return state === "running" ? state : [state, reason ?? hold?.kind ?? null, chosen?.backend ?? "fake"];
}

async function begun({ script, spec = {} }: End) {
	const argv = (run: RunDir) => {
		const agent = ["sh", "-c", `${script.startsWith("exec") ? "" : `${GO}; `}${script}`];
		if (!spec.setup) return agent;
		const mark = join(run.path, "mark");
		return afterSetup(run, { command: `cd '${run.facts.cwd}'; ${spec.setup}`, mark, argv: agent }, seals());
	};
	return stage().agent("t", argv, spec);
}
const seals = () => sealsOf(stage().home);

describe.each(["saw it signed", "never saw it signed"])("by a worker that %s", (whose) => {
	describe.each(Object.entries(FAULTS))("the key is spoilt: %s", (_, damage) => {
		test.each(Object.entries(ENDS))("%s", async (_, end) => {
			const monitor = worker(end.fallback);
			const { taskDir } = await begun(end);
			const sees = whose === "saw it signed";
			if (sees) await monitor.reconcile("t");
			const mend = spoil(damage);
			writeFileSync(join(taskDir, "ipc/go"), "");
			const waits = end.needsKey === "always" || (end.needsKey === "unseen" && !sees);
			const meanwhile = waits ? { waits: expect.stringContaining("signing-key") } : end.is;
			await expect.poll(() => look(monitor)).toEqual(meanwhile);
			// However often it is tried.
			for (let i = 0; i < 8; i += 1) expect(await look(monitor)).toEqual(meanwhile);
			mend();
			await expect.poll(() => look(monitor)).toEqual(end.is);
			monitor.stop();
		});

		test("what waits for it is cancelled at once", async () => {
			const monitor = worker();
			const { taskDir } = await begun(ENDS["a check that passes"] as End);
			if (whose === "saw it signed") await monitor.reconcile("t");
			spoil(damage);
			writeFileSync(join(taskDir, "ipc/go"), "");
			await expect.poll(() => look(monitor)).toHaveProperty("waits");
			await stage().store.cancel("t", "ann@here");
			await expect.poll(() => look(monitor)).toEqual(["cancelled", null, "fake"]);
			monitor.stop();
		});
	});
});

test.each(Object.entries(FAULTS))("a check at work goes on, and is not begun anew: %s", async (_, damage) => {
	const monitor = worker();
	const verify = `echo ran >>ran; cd .dispatch/tasks/t; until test -e ipc/checked; do sleep 0.02; done`;
	const { run, taskDir } = await stage().agent("t", DONE, { verify });
	const ran = join(stage().project, "ran");
	await expect.poll(async () => [await look(monitor), existsSync(ran)]).toEqual(["running", true]);
	const mend = spoil(damage);
	await expect.poll(() => look(monitor)).toHaveProperty("waits");
	writeFileSync(join(taskDir, "ipc/checked"), "");
	await expect.poll(() => agentStatus(checkOf(run)).kind).toBe("exited");
	for (let i = 0; i < 8; i += 1) expect(await look(monitor)).toHaveProperty("waits");
	mend();
	await expect.poll(() => look(monitor)).toEqual(["completed", null, "fake"]);
	expect(readFileSync(ran, "utf8")).toBe("ran\n");
	monitor.stop();
	await sweepTree(checkOf(run));
});

describe.each([
	["lost", () => rmSync(keyPath())],
	["replaced", () => writeFileSync(keyPath(), "ab".repeat(32))],
])("the key is %s", (_, harm) => {
	const known = Object.entries(ENDS).filter(([, { fallback }]) => fallback === undefined);
	test.each(known)("what its worker saw signed ends as ever: %s", async (_, end) => {
		const monitor = worker();
		const { taskDir } = await begun(end);
		await monitor.reconcile("t");
		harm();
		writeFileSync(join(taskDir, "ipc/go"), "");
		await expect.poll(() => look(monitor)).toEqual(end.is);
		monitor.stop();
	});
});
