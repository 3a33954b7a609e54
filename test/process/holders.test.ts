/**
 * Who holds a run's FIFO is killed, so nobody else may be taken for it. Its number is given to another file as soon as
 * it is free: on ext4 to the very next one, which may be another run's FIFO.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { agentStatus, startAgent } from "../../src/process/agent.ts";
import { endTree } from "../../src/process/end-tree.ts";
import { holdersOf } from "../../src/process/holders.ts";
import { claimRun, type RunDir } from "../../src/process/run-dir.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const LIMIT = { timeout: 2 * CONDITION_LIMIT_MS, interval: 200 };

/** Of the looks during that many some meet each moment (measured: 5 to 20 mistakes without the mending). */
const ROUNDS = 150;
/** Removes the one's FIFO, and makes and holds another's. */
const SWAPS = `
read begin
n=0; while [ $n -lt ${ROUNDS} ]; do
	n=$((n + 1))
	mkfifo own/alive; rm own/alive
	mkfifo other/alive; exec 3<>other/alive; rm other/alive; exec 3>&-
done`;
/** A look passes the youngest process first: with so many open files it takes as long as a swap. */
const MANY_FILES = `
	for (let n = 0; n < 1000; n++) require("fs").openSync(process.execPath, "r");
	console.log("open");
	process.stdin.resume();
`;

function twoRuns() {
	const folder = temporaryFolder("holders");
	for (const name of ["own", "other"]) mkdirSync(join(folder, name));
	const run = { path: join(folder, "own") } as RunDir;
	const program = (file: string, flag: string, script: string) => {
		const child = spawn(file, [flag, script], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
		onTestFinished(() => void child.kill("SIGKILL"));
		return child;
	};
	return { folder, run, program };
}

test("a FIFO that is removed during the look, its number given to another run's: that one's agent is none of its", async () => {
	const { run, program } = twoRuns();
	const swapper = program("/bin/sh", "-c", SWAPS);
	const busy = program(process.execPath, "-e", MANY_FILES);
	await once(busy.stdout, "data");
	const gone = once(swapper, "exit");
	swapper.stdin.end("\n");
	let looks = 0;
	const mistaken = [];
	while (swapper.exitCode === null && swapper.signalCode === null) {
		mistaken.push(...holdersOf(run));
		looks++;
		await turn();
	}
	expect(await gone).toEqual([0, null]);
	expect(looks).toBeGreaterThan(1);
	expect(mistaken).toEqual([]);
});

test.each(
	[
		["a link beside it", "ln $other/alive $own/alive"],
		["a link in its stead", "ln $other/alive $own/alive; rm $other/alive"],
		["a link in the place of its directory", "rmdir $own; ln -s $PWD/$other $own"],
	].flatMap(([what = "", how = ""]) => ["1", "1/verify"].map((run) => [what, run, how] as const)),
)(
	"another run's FIFO, as %s (runs/other/%s): whose process holds that is none of its",
	async (_what, place, how) => {
		const { folder, program } = twoRuns();
		const at = (name: string) => ({ path: join(folder, "runs", name, place) }) as RunDir;
		for (const name of ["own", "other"]) mkdirSync(at(name).path, { recursive: true });
		const script = `own=runs/own/${place}; other=runs/other/${place}
		mkfifo $other/alive; exec 3<>$other/alive; ${how}
		echo held; read end`;
		const other = program("/bin/sh", "-c", script);
		await once(other.stdout, "data");
		const start = { path: join(folder, "runs/own/1") } as RunDir;
		expect([...holdersOf(at("own")), ...holdersOf(start)]).toEqual([]);
		expect([...holdersOf(at("other"))]).toEqual([other.pid]);
		other.stdin.end();
		await once(other, "exit");
	},
);

test("a check's FIFO, linked to the place of a start's: whose process holds that is none of the start's", async () => {
	const { folder, program } = twoRuns();
	const at = (...names: string[]) => ({ path: join(folder, "runs", ...names) }) as RunDir;
	const [own, check] = [at("own", "1"), at("other", "1", "verify")];
	for (const { path } of [own, check]) mkdirSync(path, { recursive: true });
	const script = `mkfifo ${check.path}/alive; exec 3<>${check.path}/alive; ln ${check.path}/alive ${own.path}/alive; echo held; read end`;
	const other = program("/bin/sh", "-c", script);
	await once(other.stdout, "data");
	expect([...holdersOf(own)]).toEqual([]);
	expect([...holdersOf(check)]).toEqual([other.pid]);
	other.stdin.end();
	await once(other, "exit");
});

test.each([
	["nothing", "rm own/alive"],
	["a directory", "rm own/alive; mkdir own/alive"],
	["a link", "rm own/alive; ln -s /dev/zero own/alive"],
	["a file that nobody may read", "rm own/alive; echo >own/alive; chmod 0 own/alive"],
	["its own FIFO, linked back from elsewhere", "mv own/alive hidden; ln hidden own/alive"],
	[
		"a file with a lease on it, which refuses whoever opens it",
		`rm own/alive
		perl -e 'open F, ">", "own/alive"; $SIG{IO} = "IGNORE"; fcntl(F, 1024, 1) or die; mkdir "leased"; sleep 1000' &
		command -v perl >/dev/null || mkdir leased
		until [ -d leased ]; do sleep 0.01; done`,
	],
])("in the place of its FIFO stands %s: who holds it is found all the same", async (_what, swap) => {
	const { run, program } = twoRuns();
	const script = `mkfifo own/alive; exec 3<>own/alive; ${swap}
		echo held; read end; kill $! 2>/dev/null`;
	const agent = program("/bin/sh", "-c", script);
	await once(agent.stdout, "data");
	expect([...holdersOf(run)]).toContain(agent.pid);
	agent.stdin.end();
	await once(agent, "exit");
});

test("an agent that hides, and holds a lease on its wrapper's pid so that nobody reads it, is ended", async () => {
	const home = temporaryFolder("leased");
	const leased = join(home, "leased");
	const facts = { task: "t", epoch: 1, nonce: "n-leased", backend: "fake", cwd: home, taskDir: home };
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null });
	if (run === null) throw new Error("claimed already");
	const lease = `open F, "+<", "${run.path}/pid"; $SIG{IO} = "IGNORE"; fcntl(F, 1024, 1) or die; mkdir "${leased}"; sleep 1000`;
	const script = `command -v perl >/dev/null || mkdir ${leased}; exec env -i setsid perl -e '${lease}'`;
	await startAgent(run, { argv: ["sh", "-c", script], cwd: home, env: { PATH: process.env.PATH ?? "" } });
	await expect.poll(() => existsSync(leased)).toBe(true);
	await endTree(run, { graceMs: 0 }).catch(() => {});
	expect([...holdersOf(run)]).toEqual([]);
});

const CROWD = 1_500;
/** Each by itself hides as one may: no environment, a group of its own. The last one is there until all do. */
const CROWDS = `
i=0
while [ $i -lt ${CROWD} ]; do
	env -i setsid sleep 1000 &
	i=$((i + 1))
done
: >made
sleep 1000
`;

test(`${CROWD} processes of one agent that hide are all ended with it, and others have turns before the last of them`, async () => {
	const home = temporaryFolder("crowd");
	const facts = { task: "t", epoch: 1, nonce: "n-crowd", backend: "fake", cwd: home, taskDir: home };
	const run = claimRun(home, { ...facts, startedAt: 0, sessionId: null });
	if (run === null) throw new Error("claimed already");
	await startAgent(run, { argv: ["sh", "-c", CROWDS], cwd: home, env: { PATH: process.env.PATH ?? "" } });
	await expect.poll(() => existsSync(join(home, "made")), LIMIT).toBe(true);
	await expect.poll(() => [...holdersOf(run)].length, LIMIT).toBeGreaterThanOrEqual(CROWD);
	const turns = new Map<number, number>();
	let now = 0;
	const kill = process.kill.bind(process);
	const watched = vi.spyOn(process, "kill").mockImplementation((pid, name) => {
		if (name === "SIGKILL" && !turns.has(pid)) turns.set(pid, now);
		return kill(pid, name);
	});
	onTestFinished(() => watched.mockRestore());
	const ending = endTree(run, { graceMs: 0 }).then(() => true);
	while ((await Promise.race([ending, turn()])) !== true) now += 1;
	expect([...holdersOf(run)]).toEqual([]);
	expect(agentStatus(run).kind).not.toBe("alive");
	const killed = [...turns.values()].slice(-CROWD);
	expect(new Set(killed).size).toBeGreaterThan(1);
});
