/** The signing key is lost or damaged while its worker lives: the next worker knows all of its tasks all the same. */
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User } from "./harness.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 50 };

let user: User;
afterEach(() => user?.cleanup());

const keyPath = () => join(user.home, "signing-key");
const DAMAGES: Record<string, () => void> = {
	removed: () => rmSync(keyPath()),
	emptied: () => truncateSync(keyPath()),
	truncated: () => truncateSync(keyPath(), 20),
	"other bytes": () => writeFileSync(keyPath(), Buffer.alloc(200, 0xe4)),
	"a directory in its place": () => {
		rmSync(keyPath());
		mkdirSync(join(keyPath(), "with something in it"), { recursive: true });
	},
	"mode 000": () => chmodSync(keyPath(), 0),
};

function key(): string | null {
	const stats = statSync(keyPath(), { throwIfNoEntry: false });
	return stats?.isFile() && (stats.mode & 0o777) === 0o600 ? readFileSync(keyPath(), "utf8") : null;
}
const tellings = () =>
	readFileSync(join(user.home, "daemon.log"), "utf8").match(/the signing key was lost or damaged/g)?.length;

const killed = async (before: string | null, times: number) => {
	// It puts the key back, and says so a moment later.
	await expect.poll(() => [key(), tellings()], LIMIT).toEqual([before, times]);
	process.kill(user.daemonPid() ?? 0, "SIGKILL");
};
const stopped = () => user.ok(["down"]);

test.each([
	...Object.entries(DAMAGES).map(
		([name, damage]) => [name, "killed once it is back", damage, killed] as const,
	),
	["removed", "stopped at once", DAMAGES.removed, stopped] as const,
])("the key is lost: %s, and its worker is %s", async (_, __, damage, end) => {
	// Root may read whatever the mode.
	user = new User({ agent: "starts-counted.sh", agents: { busy: "busy.sh" }, asNobody: true });
	await user.ok(["up"]);
	const before = key();
	const losesIt = async (times: number) => {
		damage?.();
		await end(before, times);
		await user.ok(["up"]);
	};
	// While nothing is to be done.
	await losesIt(1);
	expect([key(), tellings()]).toEqual([before, 1]);
	// While one runs, and one waits for its place.
	await user.ok(["enqueue", "--id", "runs", "--model", "busy", "--verify", "true", "x"]);
	await user.waitForState("runs", "running");
	await user.ok(["enqueue", "--id", "waits", "--after", "runs", "--verify", "true", "x"]);
	await losesIt(2);
	expect([key(), tellings()]).toEqual([before, 2]);
	writeFileSync(user.taskFile("runs", "enough"), "");
	for (const id of ["runs", "waits"]) await user.waitForState(id, "completed");
	expect(existsSync(join(user.project, "starts"))).toBe(true);
});

const removedWithNames = () => {
	for (const name of ["signing-key", "daemon.json"]) rmSync(join(user.home, name));
};

test("no command makes another key while the worker lives; once it is down, whoever removes the key gets a new one", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	const before = key();
	const worker = user.daemonPid() ?? 0;
	process.kill(worker, "SIGSTOP");
	for (const name of ["removed", "other bytes", "removed, with what tells who its worker is"]) {
		(DAMAGES[name] ?? removedWithNames)();
		const { code, stderr } = await user.run(["enqueue", "--id", "t", "x"]);
		expect([code, stderr]).toEqual([1, expect.stringMatching(/puts it back.*\[DISPATCH_KEY_UNUSABLE\]/s)]);
		writeFileSync(keyPath(), before ?? "");
	}
	DAMAGES.removed?.();
	process.kill(worker, "SIGCONT");
	await expect.poll(key, LIMIT).toBe(before);
	await user.ok(["down"]);
	DAMAGES.removed?.();
	await user.ok(["enqueue", "--id", "t", "x"]);
	await user.waitForState("t", "completed");
	expect(key()).not.toBe(before);
});

test("what keeps one mark of the worker from being put back keeps no other", async () => {
	user = new User({ agent: "starts-counted.sh" });
	await user.ok(["up"]);
	const [before, worker] = [key(), user.daemonPid()];
	const lock = join(user.home, "daemon.lock");
	rmSync(lock);
	mkdirSync(lock);
	removedWithNames();
	await expect.poll(() => [key(), user.daemonPid()], LIMIT).toEqual([before, worker]);
	rmSync(lock, { recursive: true });
	await user.ok(["enqueue", "--id", "t", "x"]);
	await user.waitForState("t", "completed");
});
