/** A Redis in which every text that can be one is hostile, and a process that runs commands over it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { newestBatches } from "../../src/queue/records/batches.ts";
import { closedGates, holdUntil } from "../../src/queue/records/gates.ts";
import { listHosts } from "../../src/queue/records/host-list.ts";
import { beat } from "../../src/queue/records/hosts.ts";
import { appendLog } from "../../src/queue/records/log.ts";
import { addNote, pendingNotes } from "../../src/queue/records/notes.ts";
import { noteUsage, spendersToday } from "../../src/queue/records/spend.ts";
import type { Store } from "../../src/queue/records/store.ts";
import type { Outcome } from "../../src/task/spec.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";

/** Sequences of every kind, what turns the direction of writing, lines of ours, and commands to CI runners. */
export const HOSTILE =
	"x\u001b]0;owned\u0007\u001b[2J\u001b[8m\u009b8m\u202ey\n::error::forged\r\n##vso[task.complete]forged\u2028::warning::forged\u0085z";
export const HOST = "mini2";
export const ENDED = ["completed", "failed", "cancelled", "parked"] as const;

const outcomeOf = (kind: Outcome["kind"]): Outcome => ({
	...{ kind, message: "What became of it.", exitCode: 1, signal: "SIGTERM" },
	...{ logTail: ["last line"], warnings: ["Be warned."] },
});
const progress = {
	plan: { title: "Plan", items: [{ marker: "x" as const, text: "Item", note: "Note" }] },
	...{ activity: "Bash: npm test", lastSignAt: 1 },
	usage: { inputTokens: 1, outputTokens: 1, costUsd: 0.5, estimated: true },
};

/** One of everything, all of it of another host, so that nobody here works on it. */
export async function fill(store: Store): Promise<void> {
	const words = { tags: { team: "web" }, promptAddition: "Be brief.", modelReason: "default" };
	const more = { givenItems: ["Item"], contextFiles: ["a.md"], verify: "true", setup: "true", host: HOST };
	for (const state of ["running", "asking", ...ENDED]) {
		const epoch = await runningTask(store, state, { ...words, ...more });
		await store.follow(state, epoch, { sessionId: "s-1", progress, hasReport: true }, "# Report");
		await appendLog(store, state, epoch, [{ position: 1, text: "line" }]);
		await addNote(store, state, { text: "note", by: "ann@here" });
		if (state !== "running") await ask(store, state, epoch);
		const used = { inputTokens: 1, outputTokens: 1, costUsd: 0.5 };
		await noteUsage(store, state, { session: "s", epoch, ofSession: used, ofRun: null, budgetUsd: null });
	}
	for (const state of ENDED) {
		const set = { outcome: outcomeOf(state) };
		await store.move({ id: state, from: ["running", "asking"], to: state, set });
	}
	await store.create(specOf("queued", { ...words, ...more }), { key: { key: "k", hash: "h" } });
	await store.create(specOf("waiting", { ...words, ...more, after: ["asking"] }));
	const gate = {
		kind: "rate_limited" as const,
		until: Date.now() + 3_600_000,
		message: "limit",
		limited: null,
	};
	await holdUntil(store, { host: HOST, backend: "fake", model: null }, gate);
	const backends = [{ name: "claude", type: "claude", found: true, version: "2.1.0" }];
	const said = { version: "1.0.0", draining: false, maxAgents: 4, clockOffset: -1, backends };
	await beat(store, HOST, { homeId: "h", home: "/h", pid: 1, running: 0, concurrency: 1, ...said });
}

async function ask(store: Store, id: string, epoch: number): Promise<void> {
	await store.ask(id, epoch, [question("001", "Answered?"), question("002", "Open?\n1. Yes\n2. No")]);
	await store.answer(id, { text: "yes", by: "ann@here", seq: "001", token: `k-${id}` });
}

/** How much can be read of what a key holds. */
async function readable(store: Store, key: string): Promise<number> {
	const [kind = "", name = ""] = key.slice(store.keys.prefix.length + 1).split(":");
	switch (kind) {
		case "task":
			return (await store.read([name])).records.length;
		case "questions":
			return (await store.questions(name)).length;
		case "notes":
			return (await pendingNotes(store, name)).length;
		case "batch":
			return (await newestBatches(store)).batches.length;
		case "gates":
			return (await closedGates(store, name)).length;
		case "spenders":
			return (await spendersToday(store)).length;
		case "host":
			return -JSON.stringify(await listHosts(store)).split("null").length;
		default:
			return 0;
	}
}

/**
 * Puts the hostile text into every field of every key, and into every text in its JSON, as long as all can be read as
 * before; then into what no reader takes. @returns in how many places the text was taken for a sound one
 */
export async function poison(store: Store): Promise<number> {
	const { client } = store;
	const kept: string[] = [];
	for (const key of (await client.keys(`${store.keys.prefix}:*`)).sort()) {
		if (key.includes(":bull")) continue;
		const type = await client.type(key);
		if (type === "hash") kept.push(...(await poisonFields(store, key)));
		if (type === "string") await client.set(key, HOSTILE);
		if (type === "stream") await copyEntries(store, key);
	}
	await damageOthers(store);
	return kept.length;
}

/** @returns the places where it stays */
async function poisonFields(store: Store, key: string): Promise<string[]> {
	const { client } = store;
	const before = await readable(store, key);
	const kept: string[] = [];
	for (const [field, value] of Object.entries(await client.hgetall(key))) {
		let now = value;
		for (const [name, text] of variantsOf(value)) {
			const next = text(now);
			await client.hset(key, field, next);
			if ((await readable(store, key)) < before) await client.hset(key, field, now);
			else {
				now = next;
				kept.push(`${key} ${field} ${name}`);
			}
		}
	}
	return kept;
}

type Leaf = (string | number)[];

/** By the place in it: what the value is with the hostile text there. What names a request or a creation stays. */
function variantsOf(value: string): [string, (now: string) => string][] {
	let parsed: unknown = null;
	try {
		parsed = JSON.parse(value);
	} catch {}
	if (typeof parsed !== "object" || parsed === null)
		return [HOSTILE, `/${HOSTILE}`].map((text) => ["", () => text]);
	return leavesOf(parsed, [])
		.filter((path) => path.at(-1) !== "hash")
		.flatMap((path) =>
			[HOSTILE, `/${HOSTILE}`].map((text): [string, (now: string) => string] => [
				path.join("."),
				(now) => {
					const whole = JSON.parse(now) as Record<string | number, never>;
					const at = path.slice(0, -1).reduce((part, step) => part[step] as never, whole);
					(at as Record<string | number, string>)[path.at(-1) as string] = text;
					return JSON.stringify(whole);
				},
			]),
		);
}

function leavesOf(value: unknown, path: Leaf): Leaf[] {
	if (typeof value === "string") return [path];
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([name, each]) => leavesOf(each, [...path, name]));
}

/** Each entry again for each of its fields, with the hostile text there. */
async function copyEntries({ client }: Store, key: string): Promise<void> {
	for (const [, fields] of await client.xrange(key, "-", "+"))
		for (let n = 1; n < fields.length; n += 2) {
			const value = fields[n] ?? "";
			for (const [, text] of variantsOf(value)) await client.xadd(key, "*", ...fields.with(n, text(value)));
		}
}

/** What only a damaged reader would take: ids that are none, in every list. */
async function damageOthers({ client, keys }: Store): Promise<void> {
	for (const id of [HOSTILE, "--all", "completed x"]) {
		await client.hset(keys.task(id), { state: "failed", host: HOST, spec: HOSTILE });
		await client.zadd(keys.tasks, 1, id);
		await client.zadd(keys.batches, 1, id);
		await client.hset(keys.batch(id), {
			nonce: "n",
			key: HOSTILE,
			name: HOSTILE,
			createdAt: "1",
			host: HOST,
		});
		await client.zadd(keys.members(id), 1, id, 2, "failed");
		await client.zadd(keys.members("nightly"), 9, id);
		await client.zadd(keys.inbox, 1, `${id} 1.001`);
		await client.hset(keys.questions("asking"), id, HOSTILE);
		await client.hset(keys.host(HOST), id, HOSTILE);
		await client.sadd(keys.live(HOST), id);
		await client.zadd(keys.active(HOST), 1, id);
	}
}

export interface Printed {
	stdout: string;
	stderr: string;
}

/** One process for many commands. */
export class Commands {
	readonly #child: ChildProcess;

	constructor(env: Record<string, string>, cwd: string) {
		// One after the other in one process leaves more listeners than a command does.
		const file = join(import.meta.dirname, "../fixtures/runs-commands.cjs");
		this.#child = spawn(process.execPath, [file], {
			env: { ...env, NODE_NO_WARNINGS: "1" },
			cwd,
			stdio: ["ignore", "pipe", "pipe", "ipc"],
		});
	}

	async run(args: readonly string[], isTerminal = false): Promise<Printed> {
		const { stdout, stderr } = this.#child as { stdout: Readable; stderr: Readable };
		const both = Promise.all([upToNul(stdout), upToNul(stderr)]);
		this.#child.send({ args, isTerminal });
		const [out, err] = await both;
		return { stdout: out, stderr: err };
	}

	async end(): Promise<void> {
		if (this.#child.exitCode !== null) return;
		const exit = once(this.#child, "exit");
		this.#child.kill("SIGKILL");
		await exit;
	}
}

async function upToNul(stream: Readable): Promise<string> {
	const chunks: Buffer[] = [];
	while (chunks.at(-1)?.at(-1) !== 0) {
		const [chunk] = (await once(stream, "data")) as [Buffer];
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).subarray(0, -1).toString();
}
