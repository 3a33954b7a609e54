/** Who reads a command may be gone before it has said anything: its exit code stands. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PROGRAM, User } from "./harness.ts";

let user: User;
beforeAll(async () => {
	user = new User({ agents: { quick: "records-args.sh", busy: "busy.sh" } });
	await user.ok(["enqueue", "--id", "done", "--model", "quick", "--wait", "Work"]);
	await user.ok(["enqueue", "--id", "runs", "--model", "busy", "Work"]);
});
afterAll(() => user.cleanup());

const codeOf = async (child: ChildProcess) => ((await once(child, "exit")) as [number | null])[0];

test.each([
	[0, "--help"],
	[0, "--version"],
	[0, "ls"],
	[0, "status"],
	[0, "status done"],
	[0, "questions"],
	[0, "logs done"],
	[0, "logs done --raw"],
	[0, "logs done --events --json"],
	[0, "templates"],
	[0, "config show"],
	[0, "wait done"],
	[0, "note runs hello"],
	[0, "enqueue --dry-run x"],
	[2, "enqueue"],
	[2, "ls --state asleep"],
	[2, "lss"],
	[4, "wait runs --timeout 1ms"],
	[4, "wait runs --timeout 1ms --json"],
	[6, "status nobody"],
	[6, "output done"],
	[7, "cancel runs"],
	[8, "cancel done"],
	[8, "retry runs"],
])("%i: %s", async (code, line) => {
	const env = code === 7 ? { DISPATCH_TASK: "outer" } : {};
	const child = user.start(line.split(" "), { env });
	child.stdout?.destroy();
	child.stderr?.destroy();
	expect(await codeOf(child)).toBe(code);
});

test("what prints without end stops when nobody reads it", async () => {
	const ends = [["logs", "-f", "runs", "--events"], ["watch"]].map((args) => {
		const child = user.start(args);
		child.stdout?.destroy();
		return codeOf(child);
	});
	expect(await Promise.all(ends)).toEqual([0, 0]);
});

test.each([[["ls"]], [["ls", "--json"]], [["--version"]], [["--help"]]])(
	"%s: a result that cannot be written is a failure that says so",
	async (args) => {
		const { env, project: cwd } = user;
		const full = openSync("/dev/full", "w");
		const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env, stdio: ["ignore", full, "pipe"] });
		closeSync(full);
		let said = "";
		child.stderr?.on("data", (chunk) => {
			said += String(chunk);
		});
		expect(await codeOf(child)).toBe(1);
		expect(said).toMatch(
			/^dispatch: The (result|version) could not be written to stdout: .*ENOSPC.* \[DISPATCH_DISK\]\n$/,
		);
	},
);
