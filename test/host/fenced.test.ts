/** Whoever can write to Redis can name any start, any number of times: only this directory's own agents end by it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { endFenced } from "../../src/host/fenced.ts";
import { isLive, readStat } from "../../src/process/identity.ts";
import { monitorStage } from "../monitor/stage.ts";

const stage = monitorStage();
const HOST = "mini";
const isThere = (pid: number) => {
	const stat = readStat(pid);
	return stat !== null && isLive(stat);
};

/** A process with the marks of a start. */
async function marked(marks: Record<string, string>): Promise<number> {
	const child = spawn("sleep", ["1000"], { stdio: "ignore", env: { PATH: process.env.PATH, ...marks } });
	const ended = once(child, "exit");
	onTestFinished(async () => {
		child.kill("SIGKILL");
		await ended;
	});
	await once(child, "spawn");
	return child.pid ?? 0;
}

const fence = (...nonces: string[]) => stage().store.client.sadd(stage().store.keys.fenced(HOST), nonces);
const end = () => endFenced(stage().store, HOST, stage().home);

test("the one that lives is ended, however many names of nobody stand beside it, and the names go", async () => {
	const nobody = Array.from({ length: 200_000 }, (_, at) => `nobody-${at}`);
	for (let at = 0; at < nobody.length; at += 10_000) await fence(...nobody.slice(at, at + 10_000));
	await fence("its");
	const pid = await marked({ DISPATCH_RUN: "its", DISPATCH_HOME: stage().home, DISPATCH_TASK: "t" });
	expect(await end()).toBe(1);
	expect(isThere(pid)).toBe(false);
	expect(await end()).toBe(0);
	expect(await stage().store.client.exists(stage().store.keys.fenced(HOST))).toBe(0);
});

test.each([
	["of another state directory", { DISPATCH_RUN: "its", DISPATCH_HOME: "/elsewhere/at/0123456789abcdef" }],
	["with nothing in the variable", { DISPATCH_RUN: "" }],
])("one %s is not this Redis' to end", async (_whose, marks) => {
	const pid = await marked(marks);
	await fence("its", "");
	expect(await end()).toBe(0);
	expect(isThere(pid)).toBe(true);
});

test("the check of a start is ended with it", async () => {
	const pid = await marked({ DISPATCH_RUN: "its-verify" });
	await fence("its");
	expect(await end()).toBe(1);
	expect(isThere(pid)).toBe(false);
});
