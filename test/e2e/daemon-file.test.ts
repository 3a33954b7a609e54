/** What the worker says of itself (daemon.json), damaged in any way: no worker that can be known, and no fault of dispatch. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { takeLock } from "../../src/process/lock.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };
const ME = { pid: process.pid, bootId: "b", startTime: "1" };
const WHOLE = { identity: ME, ready: true, version: "1", redis: "local", configFault: null };

const DAMAGED = [
	"",
	"null",
	"[]",
	'{"ready":true}',
	JSON.stringify({ ...WHOLE, identity: null }),
	JSON.stringify({ ...WHOLE, identity: { ...ME, pid: "self" } }),
	JSON.stringify({ ...WHOLE, redis: 7 }),
	JSON.stringify({ ...WHOLE, version: {} }),
	JSON.stringify({ ...WHOLE, surroundings: { variables: 7, programs: null } }),
];

let user: User;
afterEach(() => user?.cleanup());
const file = () => join(user.home, "daemon.json");
const pid = () => JSON.parse(readFileSync(file(), "utf8")).identity.pid as number;

test("where no worker runs, each command says so, and that the file is damaged", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["enqueue", "--id", "one", "x"]);
	await user.waitForState("one", "asking");
	await user.ok(["down"]);
	for (const text of DAMAGED) {
		writeFileSync(file(), text);
		const status = await user.run(["status"]);
		expect({ text, code: status.code }).toEqual({ text, code: 0 });
		expect(status.stdout).toContain("What the worker here says of itself");
		const doctor = await user.run(["doctor", "--json"]);
		expect(doctor.stdout).toContain("daemon.json) is damaged");
		expect(doctor.stdout).not.toContain("DISPATCH_INTERNAL");
		const down = await user.run(["down"]);
		expect(down).toMatchObject({ code: 0, stdout: expect.stringContaining("No worker was running.") });
	}
	writeFileSync(file(), '{"ready":true}');
	expect(await user.ok(["up"])).toContain("The worker is up");
	expect(await user.ok(["status"])).toContain("The worker is up.");
});

test("a worker writes it anew: nobody starts a second one, and it can be stopped", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["up"]);
	const worker = pid();
	for (const damage of [() => writeFileSync(file(), '{"ready":true}'), () => rmSync(file())]) {
		damage();
		expect(await user.json(["up"])).toMatchObject({ pid: worker });
	}
	writeFileSync(file(), "x");
	expect(await user.ok(["down"])).toContain("The worker is stopped.");
	expect(existsSync(file())).toBe(false);
});

test("a worker that was stopped (SIGSTOP) and cannot be known by the file: up and down say at once which one it is", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["up"]);
	const worker = pid();
	process.kill(worker, "SIGSTOP");
	writeFileSync(file(), "x");
	const up = await user.run(["up"]);
	const down = await user.run(["down"]);
	process.kill(worker, "SIGCONT");
	for (const { code, stderr } of [up, down])
		expect({ code, stderr }).toEqual({
			code: 8,
			stderr: expect.stringMatching(new RegExp(`A worker \\(pid ${worker}\\) holds .* kill -CONT ${worker}`)),
		});
	expect(await user.ok(["down"])).toContain("The worker is stopped.");
});

test("a directory in its place: who starts a worker is told what stands in the way", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["up"]);
	await user.ok(["down"]);
	mkdirSync(file());
	expect(await user.run(["up"])).toMatchObject({ code: 1, stderr: expect.stringContaining("daemon.json") });
	rmSync(file(), { recursive: true });
	await user.ok(["up"]);
});

test("whoever holds the directory for a moment keeps no worker from starting", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["up"]);
	await user.ok(["down"]);
	const lock = await takeLock(join(user.home, "daemon.lock"));
	const log = () => readFileSync(join(user.home, "daemon.log"), "utf8");
	const up = user.ok(["up"]);
	await expect.poll(log, LIMIT).toContain("has locked");
	lock?.release();
	expect(await up).toContain("The worker is up");
});

test("a worker that was started while another command stops everything is no agent that is left: it lives on", async () => {
	user = new User({ agent: "ten-line.sh" });
	await user.ok(["up"]);
	const { withoutWorker } = await import("../../src/host/stop.ts");
	let acted = 0;
	const act = async () => {
		acted += 1;
	};
	expect(await withoutWorker({ path: user.home }, act)).toBe(false);
	await user.ok(["down"]);
	expect(await withoutWorker({ path: user.home }, act)).toBe(true);
	expect(acted).toBe(1);
});
