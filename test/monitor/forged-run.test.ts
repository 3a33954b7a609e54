/**
 * Whatever an agent puts in the place of a file of its own run: no other task feels it, no start of its own is for
 * nothing, nothing is called done that is not, and its task ends.
 */
import {
	copyFileSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sealsOf } from "../../src/config/signing-key.ts";
import { writeEnding } from "../../src/monitor/ending.ts";
import { agentStatus, wrapperPid } from "../../src/process/agent.ts";
import { checkOf, endRun } from "../../src/process/end-run.ts";
import { writeLaunch } from "../../src/process/launch.ts";
import { markedPids } from "../../src/process/processes.ts";
import { openNamedRun, type RunDir } from "../../src/process/run-dir.ts";
import { noteSession } from "../../src/process/sessions.ts";
import { isLive } from "../../src/task/states.ts";
import { verify } from "../../src/worker/verify.ts";
import { CHOSEN, part } from "../chance.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { FORGED, RUN_FILES } from "../run-files.ts";
import { monitorStage } from "./stage.ts";

const stage = monitorStage();
const ENV = { PATH: process.env.PATH ?? "/usr/bin:/bin" };
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 20 };
const GIVEN = ["Do it"];
const PLAN = "- [ ] Do it\n";

/** Which start of its own another task has, and one that has ended: a file that there can be is in one of them. */
interface Others {
	live: RunDir;
	ended: RunDir;
}

type Forge = (path: string, from: string) => void;

/** @param from another task's file of this name */
const FORGERIES: Record<string, Forge> = {
	"is removed": () => {},
	"is a directory": (path) => mkdirSync(path),
	"is a link to another task's": (path, from) => symlinkSync(from, path),
	"is another task's by a hard link, or a link where there can be none": (path, from) =>
		lstatSync(from).isDirectory() ? symlinkSync(from, path) : linkSync(from, path),
	"is a copy of another task's": (path, from) => {
		if (lstatSync(from).isFile()) copyFileSync(from, path);
	},
};

const forgeriesOf = (name: string): Forge[] => [
	...Object.values(FORGERIES),
	...(FORGED[name] ?? []).map((text) => (path: string) => writeFileSync(path, text)),
];

/** Not there in a start that lives: whoever wrote one there wrote into another task's. */
const READ_BY_NAME = ["ended", "ending", "followed.json", "silence.json"];

async function others(): Promise<Others & { areUntouched: () => Promise<boolean> }> {
	const seals = sealsOf(stage().home);
	const { run: live } = await stage().agent("other", "exec sleep 1000");
	const { run: ended } = await stage().agent("ended", "exit 0");
	for (const run of [live, ended]) {
		noteSession(run, "s-other");
		writeLaunch(run, { sessionId: "s-other", carried: [] });
	}
	await verify(live, { command: "exec sleep 1000", env: ENV, now: 1 }, seals);
	await expect.poll(() => agentStatus(ended).kind, LIMIT).toBe("exited");
	writeEnding(ended, "shutdown", seals);
	writeFileSync(join(ended.path, "ended"), "");
	for (const name of ["setup.code", "setup.seal"])
		writeFileSync(join(ended.path, name), `1 ${seals.seal("setup.code", { start: ended.facts.nonce })}\n`);
	for (const name of RUN_FILES.filter((each) => !existsSync(join(ended.path, each))))
		writeFileSync(join(ended.path, name), FORGED[name]?.[0] ?? "");
	return {
		live,
		ended,
		areUntouched: async () =>
			READ_BY_NAME.every((name) => !existsSync(join(live.path, name))) &&
			agentStatus(live).kind === "alive" &&
			agentStatus(checkOf(live)).kind === "alive" &&
			(await stage().store.need("other")).state === "running",
	};
}

test("all but its session a start has from the record, whatever its agent writes under its nonce", async () => {
	const { run } = await stage().agent("t", "exec sleep 1000");
	onTestFinished(() => endRun(run, { graceMs: 0 }));
	const { facts, path } = run;
	const forged = { backend: "other", startedAt: 9e15, cwd: "/", taskDir: "/", taskNonce: "another" };
	writeFileSync(join(path, "run.json"), JSON.stringify({ ...facts, ...forged, sessionId: "s" }));
	const named = { ...facts, sessionId: null };
	const opened = openNamedRun(stage().home, named, () => true);
	expect(opened?.facts).toEqual({ ...named, sessionId: "s" });
});

test("a file in the place of all starts of a task is no start: it is no reason to look no more", async () => {
	const { run } = await stage().agent("t", "exit 0");
	await expect.poll(() => agentStatus(run).kind, LIMIT).toBe("exited");
	await expect.poll(() => markedPids(run.facts.nonce), LIMIT).toEqual([]);
	const runs = join(run.path, "..");
	rmSync(runs, { recursive: true });
	writeFileSync(runs, "");
	expect(openNamedRun(stage().home, run.facts, () => true)).toBeNull();
});

/** Each way of forging with each way of ending, before and after a restart of the daemon: of each file so many. */
const PLAYS = 4;

const AGENTS = {
	"gives up": "exit 1",
	"leaves no exit status": "kill -9 $PPID; exit 1",
	"says that it is done": `printf '%s' '- [x] Do it' >plan.md; : >ipc/.done; exit 0`,
};

interface Play {
	id: string;
	script: string;
	isNewDaemon: boolean;
	forge: (run: RunDir) => void;
}

/** @returns the id, where what it came to is not what it should */
async function play({ id, script, isNewDaemon, forge }: Play): Promise<unknown> {
	const { store, hub } = stage();
	const changes = { attempts: 1, verify: "exit 7", setup: "true", givenItems: GIVEN, planText: PLAN };
	const { run, taskDir, nonce } = await stage().agent(
		id,
		`until [ -e go ]; do sleep 0.05; done; ${script}`,
		changes,
	);
	await expect.poll(() => wrapperPid(run), LIMIT).not.toBeNull();
	if (isNewDaemon) hub.startedHere.delete(nonce);
	const monitor = stage().reconciler();
	forge(run);
	await monitor.reconcile(id);
	writeFileSync(join(taskDir, "go"), "");
	await expect.poll(() => markedPids(nonce), LIMIT).toEqual([]);
	const stateNow = async () => {
		await monitor.reconcile(id);
		return (await store.need(id)).state;
	};
	await expect.poll(async () => isLive(await stateNow()), LIMIT).toBe(false);
	const { state, reason, takenDown, outcome } = await store.need(id);
	// As often as a host may die under an agent, and no more, it is started again for nothing.
	const isCounted = state === "failed" || (state === "queued" && takenDown > 0 && isNewDaemon);
	const isTrue = reason !== "setup_failed" && reason !== "internal";
	return isCounted && isTrue ? null : { id, state, reason, said: outcome?.message };
}

test.each(RUN_FILES)(`%s (${CHOSEN})`, async (name) => {
	const { live, ended, areUntouched } = await others();
	onTestFinished(() => endRun(live, { graceMs: 0 }));
	const from = [live, ended].map((run) => join(run.path, name)).find((path) => existsSync(path)) ?? "";
	const ways = Object.entries(AGENTS).flatMap(([how, script]) =>
		[false, true].map((isNewDaemon) => ({ how, script, isNewDaemon })),
	);
	const all = forgeriesOf(name).flatMap((forge) => ways.map((way) => ({ ...way, forge })));
	const plays = part(all, PLAYS).map(({ script, isNewDaemon, forge }, n) => ({
		id: `own-${n}`,
		script,
		isNewDaemon,
		forge: ({ path }: RunDir) => {
			rmSync(join(path, name), { recursive: true, force: true });
			forge(join(path, name), from);
		},
	}));
	const results = await Promise.all(plays.map(play));
	expect(results.filter((result) => result !== null)).toEqual([]);
	expect(await areUntouched()).toBe(true);
});
