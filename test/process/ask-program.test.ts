import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test, vi } from "vitest";
import { askProgram, type Question } from "../../src/process/ask-program.ts";
import { endGroupOf } from "../../src/process/end-group.ts";
import { runHook } from "../../src/process/hook.ts";
import { processIdentity } from "../../src/process/identity.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { bundled, source } from "./bundled.ts";

const FAR_MS = 300_000;
const env = { PATH: process.env.PATH };
const sh = (line: string, more: Partial<Question> = {}) =>
	askProgram({ file: "sh", args: ["-c", line], env, limitMs: FAR_MS, ...more });
const gone = (pid: number) =>
	vi.waitFor(() => expect(processIdentity(pid)).toBeNull(), { timeout: CONDITION_LIMIT_MS, interval: 10 });

test("its words, its exit code, its input, and an environment of its own", async () => {
	const asked = await sh('cat; echo "<$SECRET>"; echo bad >&2; exit 3', {
		input: "in ",
		env: { ...env, SECRET: undefined },
	});
	expect(asked).toMatchObject({ exitCode: 3, stdout: "in <>", stderr: "bad", timedOut: false });
	expect(asked.fault).toContain("3");
	expect(await sh("exit 0")).toMatchObject({ exitCode: 0, fault: null });
});

test("a program that is not there is an answer, no exception", async () => {
	const asked = await askProgram({ file: "/nonexistent/program", env, limitMs: FAR_MS });
	expect(asked).toMatchObject({ exitCode: null, timedOut: false, fault: expect.stringContaining("ENOENT") });
});

test("after its time its whole group is ended, whatever it ignores", async () => {
	const asked = await sh("trap '' TERM; sleep 1000 & echo $! $$; wait", { limitMs: 300 });
	expect(asked).toMatchObject({ exitCode: null, timedOut: true });
	for (const pid of asked.stdout.split(" ").map(Number)) await gone(pid);
});

test("of one that has ended itself, what it left in its group is ended; another one that bears its number is not", async () => {
	const left = spawn("sh", ["-c", "sleep 1000 & echo $!"], {
		detached: true,
		stdio: ["ignore", "pipe", "ignore"],
	});
	const [said] = await once(left.stdout, "data");
	if (left.exitCode === null) await once(left, "exit");
	const other = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
	await once(other, "spawn");
	// As if it were the number of one that was reaped.
	endGroupOf({ pid: other.pid, exitCode: 0, signalCode: null });
	endGroupOf({ pid: other.pid, exitCode: null, signalCode: "SIGTERM" });
	endGroupOf(left);
	await gone(Number(String(said)));
	expect(processIdentity(other.pid ?? 0)).not.toBeNull();
	endGroupOf(other);
	await gone(other.pid ?? 0);
});

test("who says too much is ended, and what came first is kept within the limit", async () => {
	const asked = await sh("echo $$; exec yes");
	expect(asked).toMatchObject({ exitCode: null, timedOut: false });
	expect(asked.stdout.length).toBeLessThanOrEqual(1024 * 1024);
	await gone(Number(asked.stdout.split("\n")[0]));
});

test("what it left behind and still holds its output does not hold up the answer", async () => {
	const asked = await sh("setsid sleep 1000 & echo $!");
	expect(asked).toMatchObject({ exitCode: 0, timedOut: false });
	process.kill(Number(asked.stdout), "SIGKILL");
});

test("nothing of ours is left when it has answered: no timer, no pipe, no process", async () => {
	const count = (kind: string) => process.getActiveResourcesInfo().filter((name) => name === kind).length;
	await sh("true");
	await vi.waitFor(() => expect(count("ProcessWrap")).toBe(0), { timeout: CONDITION_LIMIT_MS });
	const before = count("PipeWrap");
	await sh("echo hello");
	await sh("sleep 1000", { limitMs: 50 });
	await vi.waitFor(() => expect([count("ProcessWrap"), count("PipeWrap")]).toEqual([0, before]), {
		timeout: CONDITION_LIMIT_MS,
	});
});

test("a hook may say as much as it likes, need not read its input, and is told by its exit code", async () => {
	const cwd = temporaryFolder("hook");
	const hook = { env: { PATH: env.PATH ?? "" }, input: "x".repeat(1024 * 1024), limitMs: FAR_MS, cwd };
	expect(await runHook({ ...hook, command: "head -c 9000000 /dev/zero; echo done > said; exit 4" })).toBe(4);
	expect(readFileSync(join(cwd, "said"), "utf8")).toBe("done\n");
	expect(await runHook({ ...hook, command: "sleep 1000; touch late", limitMs: 50 })).toBeNull();
	expect(existsSync(join(cwd, "late"))).toBe(false);
});

test("a process without a descriptor left gets an answer, too, and goes on: a worker must not die of a notification", async () => {
	const path = join(temporaryFolder("few"), "few.cjs");
	const source = join(import.meta.dirname, "../../src/process/ask-program.ts");
	await build({
		entryPoints: [source],
		outfile: path.replace("few.cjs", "ask.cjs"),
		bundle: true,
		platform: "node",
	});
	writeFileSync(
		path,
		`const { askProgram } = require("./ask.cjs");
		const { closeSync, openSync } = require("node:fs");
		(async () => {
			const open = [];
			try { for (;;) open.push(openSync("/dev/null", "r")); } catch {}
			const answers = [];
			for (let free = 0; free < 16; free++, closeSync(open.pop()))
				answers.push(await askProgram({ file: "true", env: { PATH: process.env.PATH }, limitMs: 60000 }));
			setTimeout(() => console.log(JSON.stringify(answers)), 100);
		})();`,
	);
	const asked = await sh(`ulimit -n 64; exec "${process.execPath}" "${path}"`);
	expect(asked).toMatchObject({ exitCode: 0, stderr: "" });
	const answers = JSON.parse(asked.stdout) as { exitCode: number | null; fault: string | null }[];
	const told = answers.map(({ exitCode, fault }) =>
		exitCode === 0 ? "ran" : /EMFILE/.exec(fault ?? "")?.[0],
	);
	expect([...new Set(told)]).toEqual(["EMFILE", "ran"]);
	expect([told[0], told.at(-1), told.length]).toEqual(["EMFILE", "ran", 16]);
});

test("who ends a group needs no descriptor for it: what a reaped one left is ended, and nothing is thrown", async () => {
	const folder = temporaryFolder("few");
	const program = await bundled(
		folder,
		`import { spawn } from "node:child_process";
		import { once } from "node:events";
		import { openSync } from "node:fs";
		import { endGroupOf } from ${source("process/end-group.ts")};
		const left = spawn("sh", ["-c", "sleep 1000 & echo $!"], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
		const [said] = await once(left.stdout, "data");
		if (left.exitCode === null) await once(left, "exit");
		try { for (;;) openSync("/dev/null", "r"); } catch {}
		endGroupOf(left);
		console.log(String(said).trim());`,
	);
	const asked = await sh(`ulimit -n 64; exec "${process.execPath}" "${program}"`);
	expect(asked).toMatchObject({ exitCode: 0, stderr: "" });
	await gone(Number(asked.stdout));
});
