/** What whoever can write to Redis, and whoever can reach the port, may do to the web page. */
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runQueueName } from "../../src/queue/jobs/bull.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { startWeb, type Web } from "../../src/web/server.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { HOST, seed, specOf } from "./seed.ts";

const SECRET = "planted-in-the-prompt-01";

let redis: TestRedis;
let store: Store;
let web: Web;
let base: string;
let cookie: string;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "hostile", role: "service" });
	await seed(store);
	web = await startWeb(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	base = web.url.replace(/\/\?.*/, "");
	cookie = ((await fetch(web.url)).headers.get("set-cookie") ?? "").split(";")[0] ?? "";
});
afterAll(async () => {
	await web?.stop();
	await store?.close();
	await redis?.stop();
});

const get = (path: string) => fetch(base + path, { headers: { cookie } });
const keyOf = (name: string) => `${store.keys.bull}:${runQueueName(HOST)}:${name}`;
const LIST = `/board/api/queues?activeQueue=${runQueueName(HOST)}&status=latest&page=1&jobsPerPage=20`;

interface Listed {
	queues: { name: string; jobs: { id: string; name: string; externalUrl?: { href: string } }[] }[];
}

async function listed() {
	const reply = await get(LIST);
	const text = await reply.text();
	expect(reply.status, text).toBe(200);
	return (JSON.parse(text) as Listed).queues.find(({ name }) => name === runQueueName(HOST))?.jobs ?? [];
}

describe("the board still lists the other jobs", () => {
	test.each([
		["data is no JSON", ["data", "{", "opts", "{}"]],
		["data is null", ["data", "null", "opts", "{}"]],
		["options are no JSON", ["data", "{}", "opts", "]"]],
		["task leads elsewhere", ["data", JSON.stringify({ task: "../../evil" }), "opts", "{}"]],
	])("where a job's %s", async (_what, fields) => {
		await store.client.hset(keyOf("planted"), "name", "planted", "timestamp", "1", ...fields);
		await store.client.lpush(keyOf("wait"), "planted");
		const jobs = await listed();
		expect(jobs.map(({ id }) => id)).toEqual(expect.arrayContaining(["planted", "fix-login.2"]));
		expect(jobs.find(({ id }) => id === "planted")?.externalUrl?.href).toBe(`${new URL(base).pathname}/`);
		expect((await get(`/board/api/queues/${runQueueName(HOST)}/planted`)).status).toBe(200);
		await store.client.del(keyOf("planted"));
		await store.client.lrem(keyOf("wait"), 0, "planted");
	});

	test.each(["wait", "meta", "repeat", "failed"])(
		"where the key `%s` of a queue holds something else",
		async (name) => {
			await store.client.del(keyOf(name));
			await store.client.set(keyOf(name), "x");
			await listed();
		},
	);

	test("where a host's name is none", async () => {
		const names = ["a:b", "", "__proto__", "x".repeat(5_000), "../up", "\u001b[2J"];
		await store.client.sadd(store.keys.hosts, ...names);
		expect((await listed()).length).toBeGreaterThan(0);
		await store.client.srem(store.keys.hosts, ...names);
	});
});

test("a secret that a person put into a prompt, or into what stands in Redis, is named on every page", async () => {
	rememberSecret("PLANTED_KEY", SECRET);
	await store.create(specOf("tells", { prompt: `Use ${SECRET} for it` }));
	await store.client.hset(keyOf("fix-login.2"), "failedReason", SECRET);
	for (const path of ["/", "/task/tells", LIST]) {
		const page = await (await get(path)).text();
		expect(page).not.toContain(SECRET);
		expect(page).toContain("[PLANTED_KEY]");
	}
	await store.create(specOf("cut", { prompt: `${"x".repeat(190)} ${SECRET}` }));
	expect(await (await get("/")).text()).not.toContain(SECRET.slice(0, 5));
});

/** Byte for byte: fetch would put it right. @returns all that came back */
async function raw(text: string): Promise<string> {
	const { port } = new URL(base);
	const socket = connect(Number(port), "127.0.0.1");
	let said = "";
	socket.setEncoding("utf8").on("data", (chunk: string) => {
		said += chunk;
	});
	socket.write(text);
	await once(socket, "close");
	return said;
}

test("the link leads to no other host by a backslash", async () => {
	const { search } = new URL(web.url);
	const said = await raw(
		`GET /\\evil.example/${search} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
	);
	expect(said).not.toMatch(/url=\/[\\/]/);
});

test("an address that cannot be read is the asker's fault, and says nothing of ours", async () => {
	const reply = await get("/task/%E0%A4%A");
	expect(reply.status).toBe(400);
	expect(await reply.text()).not.toMatch(/URIError|node_modules/);
});

test("who says nothing, or half of it, is let go", async () => {
	expect(await raw("GET / HTTP/1.1\r\nHost: loc")).toMatch(/408|^$/);
});
