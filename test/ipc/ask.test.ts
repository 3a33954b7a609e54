import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { ask } from "../../src/ipc/ask.ts";
import { publishAnswer, QUESTION_LIMIT_BYTES, readIpc } from "../../src/ipc/questions.ts";
import { createTaskDir } from "../../src/ipc/task-dir.ts";
import { bundled, source } from "../process/bundled.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeTask, SPEC } from "./stage.ts";

const FOREVER = { options: [], timeoutMs: null };

/** A process of its own that asks: prints "asked" once the question is there, then the result as JSON. */
const ASKER = `
import { ask } from ${source("ipc/ask.ts")};
const result = ask(process.argv[2], { text: process.argv[3], options: [], timeoutMs: null });
console.log("asked");
console.log(JSON.stringify(await result));
`;

let asker = "";
beforeAll(async () => {
	asker = await bundled(temporaryFolder("ask"), ASKER);
});

/** @returns once it has asked */
async function startAsker(
	dir: string,
	text: string,
): Promise<{ child: ChildProcess; result: Promise<unknown> }> {
	const child = spawn(process.execPath, [asker, dir, text], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	onTestFinished(() => void child.kill("SIGKILL"));
	let output = "";
	const result = once(child, "close").then(() => JSON.parse(output.split("\n")[1] || "null"));
	await new Promise<void>((asked) => {
		child.stdout?.on("data", (chunk) => {
			output += chunk;
			if (output.includes("asked\n")) asked();
		});
	});
	return { child, result };
}

test("an asker that is short of descriptors for a while waits on, and gets its answer", async () => {
	const { dir, ipc } = await makeTask();
	const { child, result } = await startAsker(dir, "Which?");
	const limit = (soft: number) => execFileSync("prlimit", ["--pid", String(child.pid), `--nofile=${soft}:`]);
	limit(3);
	for (let n = 0; n < 5; n++) {
		// Each is a change that it looks at.
		writeFileSync(join(ipc, `note-${n}`), "x");
		await sleep(50);
	}
	expect(child.exitCode).toBeNull();
	limit(1_024);
	publishAnswer(dir, "001", "Blue");
	expect(await result).toEqual({ kind: "answered", text: "Blue" });
});

describe("ask", () => {
	test("publishes the question, waits, acknowledges and tells the answer as it is", async () => {
		const { dir, ipc } = await makeTask();
		const answer = ask(dir, { text: "Which one?\n", options: ["A", "B"], timeoutMs: null });
		expect(readIpc(dir).questions).toEqual([{ seq: "001", text: "Which one?\n\nOptions:\n1. A\n2. B" }]);
		publishAnswer(dir, "001", " B \n");
		expect(await answer).toEqual({ kind: "answered", text: " B \n" });
		expect(readIpc(dir).done).toEqual(["001"]);
		expect(readdirSync(ipc).sort()).toEqual(["001.answer", "001.done", "001.question"]);
	});

	test("takes the number behind the highest one in use, whatever uses it", async () => {
		const { dir, write } = await makeTask();
		write("004.done", "");
		write("999.answer", "");
		const answer = ask(dir, { ...FOREVER, text: "Next?" });
		publishAnswer(dir, "1000", "yes");
		expect(await answer).toEqual({ kind: "answered", text: "yes" });
	});

	test("a question without an answer in time stays open, and asking again goes on waiting for it", async () => {
		const { dir } = await makeTask();
		const input = { text: "Still there? \uD800", options: [], timeoutMs: 20 };
		expect(await ask(dir, input)).toEqual({ kind: "timedOut" });
		expect(await ask(dir, input)).toEqual({ kind: "timedOut" });
		expect(readIpc(dir)).toMatchObject({ questions: [{ seq: "001" }], done: [] });
		publishAnswer(dir, "001", "yes");
		expect(await ask(dir, input)).toEqual({ kind: "answered", text: "yes" });
		expect(await ask(dir, input)).toEqual({ kind: "timedOut" });
		expect(readIpc(dir).questions.map(({ seq }) => seq)).toEqual(["001", "002"]);
	});

	test("with the line ends of Windows, called again, it is the same question", async () => {
		const { dir } = await makeTask();
		const input = { text: "Which?\r\n1. a\r\n2. b", options: [], timeoutMs: 20 };
		expect(await ask(dir, input)).toEqual({ kind: "timedOut" });
		expect(await ask(dir, input)).toEqual({ kind: "timedOut" });
		expect(readIpc(dir).questions).toEqual([{ seq: "001", text: "Which?\n1. a\n2. b" }]);
	});

	test("can be stopped", async () => {
		const { dir } = await makeTask();
		const reason = new Error("interrupted");
		const controller = new AbortController();
		const answer = ask(dir, { ...FOREVER, text: "Stop?", signal: controller.signal });
		controller.abort(reason);
		await expect(answer).rejects.toBe(reason);
	});

	test("refuses an empty text, one that is too long, and a place without a task", async () => {
		const { dir, cwd, write } = await makeTask();
		for (const text of ["", " \n", "q".repeat(QUESTION_LIMIT_BYTES + 1)]) {
			await expect(ask(dir, { ...FOREVER, text })).rejects.toMatchObject({ code: "DISPATCH_USAGE" });
		}
		expect(readIpc(dir).questions).toEqual([]);
		await expect(ask(cwd, { ...FOREVER, text: "Q?" })).rejects.toMatchObject({
			code: "DISPATCH_NOT_IN_TASK",
		});
		write("999999.question", "last");
		await expect(ask(dir, { ...FOREVER, text: "Q?" })).rejects.toMatchObject({ code: "DISPATCH_USAGE" });
	});

	test.each([
		["the question's file", (ipc: string) => unlinkSync(join(ipc, "001.question"))],
		["the whole directory", (ipc: string) => rmSync(join(ipc, "../../.."), { recursive: true })],
	])("%s vanishes while it waits: it asks again, under the same number", async (_what, remove) => {
		const { dir, ipc, cwd } = await makeTask();
		const vanished = vi.fn();
		const answer = ask(dir, { ...FOREVER, text: "Which?", vanished });
		remove(ipc);
		await expect
			.poll(() => vanished.mock.calls.length > 0 || existsSync(join(ipc, "001.question")))
			.toBe(true);
		await createTaskDir(cwd, SPEC);
		await expect.poll(() => readIpc(dir).questions).toEqual([{ seq: "001", text: "Which?" }]);
		publishAnswer(dir, "001", "this");
		expect(await answer).toEqual({ kind: "answered", text: "this" });
	});

	test("killed while it waits and called again, it asks once", async () => {
		const { dir } = await makeTask();
		const first = await startAsker(dir, "Go on?");
		first.child.kill("SIGKILL");
		await first.result;
		const second = await startAsker(dir, "Go on?");
		second.child.kill("SIGKILL");
		await second.result;
		expect(readIpc(dir).questions).toEqual([{ seq: "001", text: "Go on?" }]);
		publishAnswer(dir, "001", "yes");
		const third = await startAsker(dir, "Go on?");
		expect(await third.result).toEqual({ kind: "answered", text: "yes" });
		expect(readIpc(dir)).toMatchObject({ questions: [{ seq: "001" }], done: ["001"] });
	});

	test("processes that ask at once share a question of the same text and number the others apart", async () => {
		const { dir, ipc } = await makeTask();
		const texts = ["Left?", "Right?", "Up?", "Left?", "Right?", "Up?"];
		const askers = await Promise.all(texts.map((text) => startAsker(dir, text)));
		const { questions } = readIpc(dir);
		expect(questions.map(({ seq }) => seq)).toEqual(["001", "002", "003"]);
		for (const { seq, text } of questions) publishAnswer(dir, seq, `to ${text}`);
		const answers = await Promise.all(askers.map(({ result }) => result));
		expect(answers).toEqual(texts.map((text) => ({ kind: "answered", text: `to ${text}` })));
		expect(readIpc(dir).done).toEqual(["001", "002", "003"]);
		expect(readdirSync(ipc)).toHaveLength(9);
	});
});
