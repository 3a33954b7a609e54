import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readPlan } from "../../src/ipc/plan-file.ts";
import { moveIpcAside, publishAnswer, readIpc } from "../../src/ipc/questions.ts";
import { readReport } from "../../src/ipc/report.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { makeTask } from "./stage.ts";

const AGENTS = resolve("test/fixtures/agents");
const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 20 };

/** Starts one of the fake agents on the task, as a process group that does not outlive the test. */
function startAgent(name: string, cwd: string, args: string[] = ["prompt"]) {
	const env = { PATH: process.env.PATH ?? "", DISPATCH_TASK: "t", FLOOD_BYTES: "100000" };
	const child = spawn(join(AGENTS, name), args, { cwd, env, detached: true, stdio: "ignore" });
	onTestFinished(() => {
		if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
			process.kill(-child.pid, "SIGKILL");
	});
	return once(child, "exit");
}

const markers = (dir: string) =>
	readPlan(dir)
		?.items.map(({ marker }) => marker)
		.join("");
const seqs = (dir: string) => readIpc(dir).questions.map(({ seq }) => seq);

describe("the ten-line agent", () => {
	test("asks, gets its answer and finishes", async () => {
		const { cwd, dir } = await makeTask();
		const ended = startAgent("ten-line.sh", cwd);
		await vi.waitFor(() => expect(seqs(dir)).toEqual(["001"]), LIMIT);
		expect(readIpc(dir).questions[0]?.text).toBe("Which colour?");
		expect(markers(dir)).toBe("x  ");
		expect(publishAnswer(dir, "001", "green")).toBe("published");
		expect(await ended).toEqual([0, null]);
		expect(readIpc(dir)).toMatchObject({ done: ["001"], finished: true, rejected: [] });
		expect(readReport(dir)).toBe("The answer: green\n");
		expect(markers(dir)).toBe("xxx");
	});

	test("is the one that docs/PROTOCOL.md shows", () => {
		const source = readFileSync(join(AGENTS, "ten-line.sh"), "utf8");
		expect(source.trimEnd().split("\n")).toHaveLength(10);
		expect(readFileSync("docs/PROTOCOL.md", "utf8")).toContain(`\`\`\`sh\n${source}\`\`\``);
	});
});

describe("the other agents keep their word", () => {
	test.each([
		{ name: "exit0-open-items.sh", plan: "x ", finished: true },
		{ name: "exit0-no-items.sh", plan: "", finished: false },
		{ name: "deletes-given-items.sh", plan: "x", finished: true },
		{ name: "all-done-no-donefile.sh", plan: "xx", finished: false },
		{ name: "item-error.sh", plan: "x! ", finished: false },
		{ name: "flood.sh", plan: "x", finished: true },
		{ name: "echo-env.sh", plan: "x", finished: true },
	])("$name", async ({ name, plan, finished }) => {
		const { cwd, dir } = await makeTask();
		expect(await startAgent(name, cwd)).toEqual([0, null]);
		expect(markers(dir)).toBe(plan);
		expect(readIpc(dir).finished).toBe(finished);
	});

	test("records-args.sh", async () => {
		const { cwd, dir } = await makeTask();
		const args = ["a b", "$(id)`\n'\"", "", "ü\\0"];
		await startAgent("records-args.sh", cwd, args);
		expect(readFileSync(join(dir, "args.bin"), "utf8")).toBe(args.map((arg) => `${arg}\0`).join(""));
	});

	test("crash-once.sh", async () => {
		const { cwd, dir } = await makeTask();
		expect(await startAgent("crash-once.sh", cwd)).toEqual([null, "SIGKILL"]);
		expect(markers(dir)).toBe("x  ");
		expect(await startAgent("crash-once.sh", cwd)).toEqual([0, null]);
		expect(markers(dir)).toBe("xxx");
		expect(readFileSync(join(dir, "worked.txt"), "utf8")).toBe("First\nSecond\nThird\n");
	});

	test.each(["file", "prompt"])("asks-and-parks.sh, answered by %s", async (way) => {
		const { cwd, dir } = await makeTask();
		expect(await startAgent("asks-and-parks.sh", cwd)).toEqual([0, null]);
		expect(markers(dir)).toBe("?");
		expect(seqs(dir)).toEqual(["001"]);
		expect(existsSync(join(dir, "context.md"))).toBe(true);
		if (way === "file") publishAnswer(dir, "001", "8080");
		else moveIpcAside(dir, 1);
		await startAgent("asks-and-parks.sh", cwd, way === "file" ? [] : ["Go on.\n> Which port?\n> 8080"]);
		expect(readReport(dir)).toContain("8080");
		expect([markers(dir), readIpc(dir).finished]).toEqual(["x", true]);
	});

	test("asks-twice.sh", async () => {
		const { cwd, dir } = await makeTask();
		const ended = startAgent("asks-twice.sh", cwd);
		for (const [seq, answer] of [
			["001", "green"],
			["002", "small"],
		] as const) {
			await vi.waitFor(() => expect(seqs(dir)).toContain(seq), LIMIT);
			publishAnswer(dir, seq, answer);
		}
		expect(await ended).toEqual([0, null]);
		expect(readReport(dir)).toBe("Which colour? green\nWhich size? small\n");
		expect(readIpc(dir)).toMatchObject({ done: ["001", "002"], finished: true });
	});
});
