/**
 * What lies in a task's directory, each file of it damaged in eight ways while its agent asks: that task can be looked at,
 * cancelled and removed, and others go on meanwhile. (A run's files: monitor/forged-run; records: queue/records/damage.)
 */
import { execFileSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { User } from "./harness.ts";

const LARGE_BYTES = 200 * 1024 * 1024;
const BYTES = Buffer.from(Array.from({ length: 4_096 }, (_, n) => (n * 167 + 41) % 256));

/** In the place of a file. */
const anew = (make: (path: string) => void) => (path: string) => {
	rmSync(path);
	make(path);
};

const WAYS: Record<string, (path: string) => void> = {
	gone: (path) => rmSync(path),
	empty: (path) => writeFileSync(path, ""),
	short: (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
	bytes: (path) => writeFileSync(path, BYTES),
	large: (path) => truncateSync(path, LARGE_BYTES),
	fifo: anew((path) => void execFileSync("mkfifo", [path])),
	directory: anew((path) => mkdirSync(join(path, "full"), { recursive: true })),
	link: anew((path) => symlinkSync("/dev/zero", path)),
};

let user: User;
afterEach(() => user?.cleanup());

function filesOf(id: string): string[] {
	const folder = dirname(user.taskFile(id, "plan.md"));
	return readdirSync(folder, { recursive: true, encoding: "utf8" })
		.map((name) => join(folder, name))
		.filter((path) => statSync(path).isFile());
}

test("each task is looked at, cancelled and removed; another one is answered and completes meanwhile", async () => {
	user = new User({ agent: "ten-line.sh", config: "worker: { concurrency: 20, max_agents: 20 }" });
	const ids = Object.keys(WAYS);
	for (const id of [...ids, "bystander"]) await user.ok(["enqueue", "--id", id, "x"]);
	for (const id of [...ids, "bystander"]) await user.waitForState(id, "asking");
	for (const [id, damage] of Object.entries(WAYS)) {
		const files = filesOf(id);
		expect(files.map((path) => path.slice(path.indexOf(id) + id.length + 1))).toEqual(
			expect.arrayContaining([".owner.json", "plan.md", "ipc/001.question"]),
		);
		for (const path of files) damage(path);
	}
	await user.ok(["answer", "bystander", "Blue"]);
	await user.waitForState("bystander", "completed");
	for (const id of ids)
		for (const words of [["status"], ["logs"], ["output"], ["note", "--", "Go on"]]) {
			const [command = "", ...rest] = words;
			const { code } = await user.run([command, id, ...rest.filter((word) => word !== "--")]);
			expect([command, id, [0, 1, 6, 7, 8].includes(code ?? -1)]).toEqual([command, id, true]);
		}
	await user.ok(["ls"]);
	await user.ok(["questions"]);
	await user.ok(["cancel", ...ids]);
	for (const id of ids) await user.waitForState(id, "cancelled");
	const removed = await user.run(["rm", ...ids]);
	// Nothing is deleted that does not say whose it is; it is told where it lies.
	const left = ids.filter((id) => existsSync(user.taskFile(id, "")));
	expect(left).toEqual(ids);
	expect(left.filter((id) => !`${removed.stdout}${removed.stderr}`.includes(`${id} stays`))).toEqual([]);
	expect((await user.json<{ id: string }[]>(["ls"])).map(({ id }) => id)).toEqual(["bystander"]);
	expect(readFileSync(join(user.home, "daemon.log"), "utf8")).not.toContain("DISPATCH_INTERNAL");
});
