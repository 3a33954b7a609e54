/** `dispatch mcp`, driven by the protocol's own client over stdio. */
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";

const SECRET = "planted-for-host-agents-01";

let user: User;
let client: Client;
let transport: StdioClientTransport;
beforeEach(async () => {
	user = new User({
		agent: "ten-line.sh",
		agents: { quick: "records-args.sh", busy: "busy.sh", long: "long-report.sh", emoji: "emoji-report.sh" },
	});
	const { project: cwd, env } = user;
	transport = new StdioClientTransport({
		command: process.execPath,
		args: [PROGRAM, "mcp"],
		cwd,
		env: { ...env, PLANTED_TOKEN: SECRET },
		stderr: "pipe",
	});
	client = new Client({ name: "test", version: "1" });
	await client.connect(transport);
});
afterEach(async () => {
	await client.close();
	await user.cleanup();
});

interface Reply {
	isError?: boolean;
	content: { type: string; text: string }[];
	structuredContent?: Record<string, unknown>;
}

async function call(name: string, args: Record<string, unknown> = {}, signal?: AbortSignal): Promise<Reply> {
	const reply = await client.callTool({ name, arguments: args }, undefined, signal ? { signal } : {});
	return reply as unknown as Reply;
}

const value = async (name: string, args: Record<string, unknown> = {}) => {
	const reply = await call(name, args);
	expect(reply.isError ?? false, JSON.stringify(reply)).toBe(false);
	// A host that reads text alone is told the same.
	const told: unknown = JSON.parse(reply.content[0]?.text ?? "");
	expect(Array.isArray(told) ? { items: told } : told).toEqual(reply.structuredContent);
	return reply.structuredContent as Record<string, unknown>;
};

test("a secret in a prompt, or in what a tool complains about, is named", async () => {
	const made = await value("enqueue", { prompt: `Use ${SECRET}`, id: "told", model: "quick" });
	expect(made.prompt).toBe("Use [PLANTED_TOKEN]");
	expect(JSON.stringify(await value("status", { id: "told" }))).not.toContain(SECRET);
	const refused = await call("status", { id: SECRET });
	expect(refused).toMatchObject({
		isError: true,
		content: [{ text: expect.stringContaining("[PLANTED_TOKEN]") }],
	});
});

test("the whole story: two tasks, one asks, the answer goes back, both reports are read", async () => {
	expect(client.getInstructions()).toContain("never do it yourself");
	const { tools } = await client.listTools();
	expect(tools.map(({ name }) => name)).toEqual(
		expect.arrayContaining(["enqueue", "list", "status", "answer", "note", "wait", "cancel", "output"]),
	);
	for (const { description, inputSchema } of tools) {
		expect(description).toMatch(/\.$/);
		for (const property of Object.values(inputSchema.properties ?? {}))
			expect(property).toHaveProperty("description");
	}
	expect(await value("enqueue", { prompt: "Look around", id: "asks" })).toMatchObject({
		id: "asks",
		state: "queued",
	});
	expect(await value("enqueue", { prompt: "-", id: "quick", model: "quick" })).toMatchObject({
		prompt: "-",
	});
	const seen = [await value("wait"), await value("wait")];
	const asked = seen.find(({ event }) => (event as { kind: string }).kind === "asked");
	expect(asked).toMatchObject({ event: { task: "asks", question: "Which colour?" } });
	expect(seen.find((each) => each !== asked)).toMatchObject({ event: { kind: "completed", task: "quick" } });
	expect(await value("questions")).toMatchObject({ items: [{ task: "asks", seq: "001" }] });
	expect(asked).toMatchObject({ task: { questions: [{ askedAt: expect.any(String) }] } });
	const stale = expect.objectContaining({ isError: true });
	for (const other of [
		{ question: "Which port?" },
		{ askedAt: "2026-01-01T00:00:00.000Z" },
		// As a host gets a long one; the remark may as well be the agent's own.
		{ question: "Which… (cut here, 13 characters in all)" },
		{ question: "(cut here, 13 characters in all)" },
	])
		expect(await call("answer", { id: "asks", text: "Red", ...other })).toEqual(stale);
	const [{ askedAt }] = (await value("questions")).items as [{ askedAt: string }];
	const shown = { question: "Which… (cut here, 13 characters in all)", askedAt };
	expect(await value("answer", { id: "asks", text: "Blue", seq: 1, ...shown })).toMatchObject({ kept: null });
	expect(await value("wait", { ids: ["asks"] })).toMatchObject({
		event: { kind: "completed", task: "asks" },
	});
	expect(await value("wait", { ids: ["asks"] })).toMatchObject({
		event: null,
		message: "All of them have ended.",
	});
	expect(await value("output", { id: "asks" })).toMatchObject({ report: "The answer: Blue\n" });
	const { items } = await value("list", { states: ["completed"] });
	expect((items as { id: string }[]).map(({ id }) => id).sort()).toEqual(["asks", "quick"]);
});

test("note, cancel and retry; a wait that the host gives up loses no event", async () => {
	await value("enqueue", { prompt: "Compute", id: "busy", model: "busy" });
	const stop = new AbortController();
	const waiting = call("wait", { timeoutSeconds: 600 }, stop.signal);
	await expect.poll(async () => (await value("status", { id: "busy" })).state).toBe("running");
	expect(await value("note", { id: "busy", text: "Leave it" })).toMatchObject({ task: "busy" });
	stop.abort();
	await expect(waiting).rejects.toThrow();
	await value("cancel", { id: "busy" });
	expect(await value("wait")).toMatchObject({ event: { kind: "cancelled", task: "busy" } });
	const both = { ids: ["busy", "quiet"] };
	await value("enqueue", { prompt: "Compute", id: "quiet", model: "busy" });
	expect((await value("cancel", both)).items).toMatchObject([
		{ id: "busy", error: { code: "DISPATCH_ALREADY_ENDED" } },
		{ id: "quiet", state: "cancelled" },
	]);
	expect(await value("wait")).toMatchObject({ event: { kind: "cancelled", task: "quiet" } });
	expect(await value("retry", { id: "busy", model: "quick", fresh: true })).toMatchObject({ id: "busy" });
	expect(await value("wait")).toMatchObject({ event: { kind: "completed", task: "busy" } });
});

test("two waits at a time share the events; a client that asks for progress hears that a long one goes on", async () => {
	let signs = 0;
	const options = { onprogress: () => signs++, resetTimeoutOnProgress: true, timeout: CONDITION_LIMIT_MS };
	const args = { name: "wait", arguments: { timeoutSeconds: 120 } };
	await value("list");
	const waiting = [client.callTool(args, undefined, options), client.callTool(args, undefined, options)];
	await expect.poll(() => signs).toBeGreaterThan(2);
	for (const id of ["a", "b"]) await value("enqueue", { prompt: "x", id, model: "quick" });
	const told = (await Promise.all(waiting)).map((reply) => (reply as unknown as Reply).structuredContent);
	expect(told.map((each) => (each as { event: { task: string } }).event.task).sort()).toEqual(["a", "b"]);
	expect(await value("wait", { ids: ["a", "b"] })).toMatchObject({ event: null });
});

test("results are of a size that a model can take; a long report comes in parts", async () => {
	const long = "long ".repeat(20_000);
	await value("enqueue", { prompt: long, id: "long", model: "long" });
	const reply = await call("wait");
	expect(reply.structuredContent).toMatchObject({ event: { kind: "completed", task: "long" } });
	expect(JSON.stringify(reply.structuredContent).length).toBeLessThan(60_000);
	expect(reply.content[0]?.text).toContain("cut here, 100000 characters in all");
	let report = "";
	for (let offset: number | null = 0; offset !== null; ) {
		const part = (await value("output", { id: "long", offset })) as { report: string; nextOffset: number };
		report += part.report;
		offset = part.nextOffset;
	}
	expect(report).toBe(`${Array.from({ length: 9_000 }, (_, n) => n + 1).join("\n")}\n`);
});

test("a report's parts are cut between characters", async () => {
	await value("enqueue", { prompt: "x", id: "emoji", model: "emoji" });
	expect(await value("wait")).toMatchObject({ event: { kind: "completed", task: "emoji" } });
	const first = (await value("output", { id: "emoji" })) as { report: string; nextOffset: number };
	const { report: rest } = (await value("output", { id: "emoji", offset: first.nextOffset })) as {
		report: string;
	};
	expect(first.report + rest).toBe(`a${"\u{1f600}".repeat(9_000)}`);
});

test("halves of characters, which JSON can spell, come in by every tool as U+FFFD and break nothing", async () => {
	const half = "\ud83d";
	const submitted = { prompt: `${half} Look`, id: "half", key: half };
	expect(await value("enqueue", submitted)).toMatchObject({ id: "half", prompt: "\ufffd Look" });
	expect(await value("enqueue", submitted)).toMatchObject({ id: "half" });
	expect(await value("wait")).toMatchObject({ event: { kind: "asked", task: "half" } });
	expect(await value("note", { id: "half", text: half })).toMatchObject({ text: "\ufffd" });
	expect(await value("answer", { id: "half", text: half })).toMatchObject({ answer: "\ufffd" });
	expect(await value("wait")).toMatchObject({ event: { kind: "completed", task: "half" } });
	expect(await value("output", { id: "half" })).toMatchObject({ report: "The answer: \ufffd\n" });
	for (const [name, more] of Object.entries({
		status: {},
		answer: { text: "x" },
		note: { text: "x" },
		cancel: {},
	})) {
		const reply = await call(name, { id: half, ...more });
		expect(reply, name).toMatchObject({ isError: true });
		expect(reply.content[0]?.text).toMatch(/^[^\ud800-\udfff]*DISPATCH_NO_SUCH_TASK/);
	}
});

test("what is wrong comes back as an error with the next step; the server goes on", async () => {
	const wrong: [string, Record<string, unknown>, RegExp][] = [
		["status", { id: "nosuch" }, /no task "nosuch".*DISPATCH_NO_SUCH_TASK/],
		["output", { id: "nosuch" }, /DISPATCH_NO_SUCH_TASK/],
		["answer", { id: "nosuch", text: "x" }, /DISPATCH_NO_SUCH_TASK/],
		["enqueue", { prompt: "x", cwd: "/dev/null/none" }, /leads through a file.*DISPATCH_BAD_CWD/],
		["enqueue", { prompt: "x", model: "nosuch" }, /DISPATCH_UNKNOWN_MODEL/],
		["enqueue", { prompt: "x", id: "../etc" }, /DISPATCH_USAGE/],
		["enqueue", { prompt: "" }, /prompt/],
		["enqueue", { prompt: "x", nope: true }, /nope/],
		["list", { states: ["nope"] }, /--state|states/],
		["cancel", { id: "a", ids: ["b"] }, /`id` or `ids`/],
	];
	for (const [name, args, says] of wrong) {
		const reply = await call(name, args);
		expect(reply, name).toMatchObject({ isError: true });
		expect(reply.content[0]?.text).toMatch(says);
		expect(reply.content[0]?.text).not.toContain("    at ");
	}
	expect(await value("list")).toEqual({ items: [] });
});

test("every tool that changes something says so; a check of the model's own needs the user's word in the config", async () => {
	const { tools } = await client.listTools();
	const changing = tools
		.filter(({ annotations }) => annotations?.destructiveHint === true)
		.map(({ name }) => name);
	expect(changing.sort()).toEqual(["answer", "cancel", "enqueue", "note", "retry"]);
	for (const { name, annotations } of tools)
		expect(annotations?.readOnlyHint, name).toBe(!changing.includes(name));
	const made = join(user.project, "made");
	const asked = { prompt: "x", model: "quick", verify: `touch ${made}` };
	const reply = await call("enqueue", asked);
	expect(reply).toMatchObject({ isError: true });
	expect(reply.content[0]?.text).toMatch(/mcp_verify/);
	expect(await value("list")).toEqual({ items: [] });
	appendFileSync(join(user.home, "config.yaml"), "allow: [mcp_verify]\n");
	const { id } = await value("enqueue", asked);
	await user.waitForState(String(id), "completed");
	expect(existsSync(made)).toBe(true);
});

test("a config that does not load keeps nobody from looking and answering; nothing is started by it", async () => {
	await value("enqueue", { prompt: "Look around", id: "asks" });
	await user.waitForState("asks", "asking");
	appendFileSync(join(user.home, "config.yaml"), "oops: [\n");
	for (const [name, args] of [
		["enqueue", { prompt: "x" }],
		["retry", { id: "asks" }],
	] as const) {
		const reply = await call(name, args);
		expect(reply, name).toMatchObject({ isError: true });
		expect(reply.content[0]?.text, name).toMatch(/config\.yaml.*dispatch config edit/);
	}
	expect(await value("questions")).toMatchObject({ items: [{ task: "asks" }] });
	await value("answer", { id: "asks", text: "Blue" });
	expect(await value("wait", { ids: ["asks"] })).toMatchObject({ event: { kind: "completed" } });
	expect(await value("output", { id: "asks" })).toMatchObject({ report: "The answer: Blue\n" });
});

test("it ends when its host is gone", async () => {
	const { pid } = transport;
	await client.close();
	await expect.poll(() => user.processes().some((each) => each.pid === pid)).toBe(false);
});
