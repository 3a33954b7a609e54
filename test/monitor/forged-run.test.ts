/**
 * Whatever an agent puts in the place of a file of its own run: no other task feels it, no start of its own is for
 * nothing, nothing is called done that is not, and its task ends.
 */
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
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

/** Which start of its own another task has, and one that has ended and whose check has passed. */
interface Others {
	live: RunDir;
	ended: RunDir;
}

/** @param from another task's file of this name, or directory */
type Forge = (path: string, from: string) => void;

const FORGERIES: Record<string, Forge> = {
	"is removed": () => {},
	"is a directory": (path) => mkdirSync(path),
	"is a FIFO": (path) => execFileSync("mkfifo", [path]),
	"is a link to another task's": (path, from) => symlinkSync(from, path),
	"is another task's by a hard link, or a link where there can be none": (path, from) =>
		lstatSync(from).isDirectory() ? symlinkSync(from, path) : linkSync(from, path),
	"is a copy of another task's": (path, from) => execFileSync("cp", ["-a", from, path]),
};

/** A user may be root: to that one nothing is closed. */
function close(path: string): void {
	if (!existsSync(path)) {
		mkdirSync(path);
		writeFileSync(join(path, "full"), "");
	}
	chmodSync(path, 0);
}

/** @param froms where another task has such a file */
function forgeriesOf(name: string, froms: readonly string[]): ((run: RunDir) => void)[] {
	const at = (run: RunDir) => {
		const path = join(run.path, name);
		mkdirSync(dirname(path), { recursive: true });
		return path;
	};
	const texts = (FORGED[name] ?? []).map((text) => (path: string) => writeFileSync(path, text));
	const inItsPlace = [
		...texts,
		...froms.flatMap((from) => Object.values(FORGERIES).map((forge) => (path: string) => forge(path, from))),
	];
	return [
		(run) => close(at(run)),
		...inItsPlace.map((forge) => (run: RunDir) => {
			const path = at(run);
			rmSync(path, { recursive: true, force: true });
			forge(path);
		}),
	];
}

/** What lies in a directory, at all levels. */
function filesIn(path: string): string[] {
	return readdirSync(path, { recursive: true, withFileTypes: true })
		.map((entry) => {
			const at = join(entry.parentPath, entry.name);
			return `${at}: ${entry.isFile() ? readFileSync(at, "latin1") : ""}`;
		})
		.sort();
}

async function others(): Promise<Others & { areUntouched: () => Promise<void> }> {
	const seals = sealsOf(stage().home);
	const { run: live } = await stage().agent("other", "exec sleep 1000");
	const { run: ended } = await stage().agent("ended", "exit 0");
	for (const run of [live, ended]) {
		noteSession(run, "s-other");
		writeLaunch(run, { sessionId: "s-other", carried: [] });
	}
	await verify(live, { command: "exec sleep 1000", env: ENV }, seals);
	await verify(ended, { command: "exit 0", env: ENV }, seals);
	for (const run of [ended, checkOf(ended)])
		await expect.poll(() => agentStatus(run).kind, LIMIT).toBe("exited");
	for (const run of [live, checkOf(live)]) await expect.poll(() => wrapperPid(run), LIMIT).not.toBeNull();
	writeEnding(ended, "shutdown", seals);
	writeFileSync(join(ended.path, "ended"), "");
	for (const name of ["setup.code", "setup.seal"])
		writeFileSync(join(ended.path, name), `1 ${seals.seal("setup.code", { start: ended.facts.nonce })}\n`);
	for (const name of RUN_FILES.filter((each) => !existsSync(join(ended.path, each))))
		writeFileSync(join(ended.path, name), FORGED[name]?.[0] ?? "");
	const files = () => [live, ended].flatMap(({ path }) => filesIn(path));
	const before = files();
	return {
		live,
		ended,
		areUntouched: async () => {
			expect(files()).toEqual(before);
			expect([agentStatus(live).kind, agentStatus(checkOf(live)).kind]).toEqual(["alive", "alive"]);
			expect((await stage().store.need("other")).state).toBe("running");
		},
	};
}

test("all but its session a start has from the record, whatever its agent writes under its nonce", async () => {
	const { run } = await stage().agent("t", "exec sleep 1000");
	onTestFinished(() => endRun(run, { graceMs: 0 }));
	const { facts, path } = run;
	const forged = { backend: "other", startedAt: 9e15, cwd: "/", taskDir: "/", taskNonce: "another" };
	writeFileSync(join(path, "run.json"), JSON.stringify({ ...facts, ...forged, sessionId: "s" }));
	const named = { ...facts, sessionId: null };
	const opened = openNamedRun(stage().home, named, () => "claim");
	expect(opened?.facts).toEqual({ ...named, sessionId: "s" });
});

test("a file in the place of all starts of a task is no start: it is no reason to look no more", async () => {
	const { run } = await stage().agent("t", "exit 0");
	await expect.poll(() => agentStatus(run).kind, LIMIT).toBe("exited");
	await expect.poll(() => markedPids(run.facts.nonce), LIMIT).toEqual([]);
	const runs = join(run.path, "..");
	rmSync(runs, { recursive: true });
	writeFileSync(runs, "");
	expect(openNamedRun(stage().home, run.facts, () => "claim")).toBeNull();
});

/** Each way of forging with each way of ending, before and after a restart of the daemon: of each file so many. */
const PLAYS = 3;
const AT_ONCE = 12;

const SAYS_SO = ": >ipc/.done; exit 0";

/** What its agent does, and the check that it has: none is done. */
const UNDONE = [
	...["exit 1", "kill -9 $PPID; exit 1", SAYS_SO].flatMap((script) =>
		[null, "exit 0"].map((check) => ({ script, check })),
	),
	{ script: `printf '%s' '- [x] Do it' >plan.md; ${SAYS_SO}`, check: "exit 7" },
];

interface Play {
	id: string;
	script: string;
	check: string | null;
	isNewDaemon: boolean;
	forge: (run: RunDir) => void;
}

/** @returns the id, where what it came to is not what it should */
async function play({ id, script, check, isNewDaemon, forge }: Play): Promise<unknown> {
	const { store, hub } = stage();
	const changes = { attempts: 1, verify: check, setup: "true", givenItems: GIVEN, planText: PLAN };
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
	const mayBeNobodys = isNewDaemon || !existsSync(run.path);
	const isCounted = state === "failed" || (state === "queued" && takenDown > 0 && mayBeNobodys);
	const isTrue = reason !== "setup_failed" && reason !== "internal";
	if (isCounted && isTrue) return null;
	return { id, script, check, isNewDaemon, state, reason, said: outcome?.message };
}

/** Of so many files in one test, beside one other task. */
const TOGETHER = 4;
const GROUPS = RUN_FILES.flatMap((_, n) => (n % TOGETHER === 0 ? [RUN_FILES.slice(n, n + TOGETHER)] : []));

/** The plays of one file. @param froms where another task has one of this name */
function playsOf(name: string, froms: readonly string[]): Omit<Play, "id">[] {
	const ways = UNDONE.flatMap((way) => [false, true].map((isNewDaemon) => ({ ...way, isNewDaemon })));
	const all = forgeriesOf(name, froms).flatMap((forge) => ways.map((way) => ({ ...way, forge })));
	return part(all, PLAYS);
}

test.each(GROUPS.map((names) => [names.join(" "), names] as const))(`%s (${CHOSEN})`, async (_, names) => {
	const { live, ended, areUntouched } = await others();
	onTestFinished(() => endRun(live, { graceMs: 0 }));
	const { home } = stage();
	// What was closed, for who removes it.
	onTestFinished(() => void execFileSync("chmod", ["-R", "u+rwX", join(home, "runs")]));
	const plays = names.flatMap((name) => {
		const froms = [live, ended].map((run) => join(run.path, name)).filter((path) => existsSync(path));
		return playsOf(name, froms);
	});
	const results = [];
	for (let n = 0; n < plays.length; n += AT_ONCE) {
		const some = plays.slice(n, n + AT_ONCE).map((each, at) => play({ ...each, id: `own-${n + at}` }));
		results.push(...(await Promise.all(some)));
	}
	expect(results.filter((result) => result !== null)).toEqual([]);
	await areUntouched();
});
