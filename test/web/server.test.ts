import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { beat } from "../../src/queue/records/hosts.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { clockText } from "../../src/task/view-times.ts";
import { startWeb, type Web } from "../../src/web/server.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { HOST, seed, specOf } from "./seed.ts";

let redis: TestRedis;
let store: Store;
let web: Web;
/** where the pages are: the server, and the path that nobody knows without the link */
let base: string;
let origin: string;
let place: string;
let cookie: string;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "web", role: "service" });
	await seed(store);
	web = await startWeb(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	base = web.url.replace(/\/\?.*/, "");
	({ origin, pathname: place } = new URL(base));
	const opened = await fetch(web.url, { redirect: "manual" });
	cookie = (opened.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
});

afterAll(async () => {
	await web?.stop();
	await store?.close();
	await redis?.stop();
});

const get = (path: string, headers: Record<string, string> = { cookie }) => fetch(base + path, { headers });

describe("who may read", () => {
	test("the link gives a session cookie that does not hold the token, and leads away from it", async () => {
		const opened = await fetch(web.url, { redirect: "manual" });
		expect(opened.status).toBe(200);
		expect(await opened.text()).toContain(`http-equiv="refresh" content="0;url=${place}/"`);
		const set = opened.headers.get("set-cookie") ?? "";
		expect(set).toMatch(/HttpOnly/);
		expect(set).toMatch(/SameSite=Strict/);
		expect(set).not.toContain(new URL(web.url).searchParams.get("token"));
	});

	test("the cookie is of a path that only the link tells, so that no server on another port is sent it", async () => {
		const set = (await fetch(web.url)).headers.get("set-cookie") ?? "";
		expect(place).toMatch(/^\/[0-9a-f]{32}$/);
		expect(set).toContain(`; Path=${place}/;`);
	});

	test.each(["/", "/task/security-review", "/board", "/board/api/queues", "/page.css", "/0123456789abcdef/"])(
		"%s beside that path tells nothing, the session or not",
		async (path) => {
			const refused = await fetch(origin + path, { headers: { cookie } });
			expect(refused.status).toBe(401);
			expect(await refused.text()).not.toContain(place);
		},
	);

	test("a cookie of our name that another server has set keeps nobody out", async () => {
		expect((await get("/", { cookie: `dispatch=theirs; ${cookie}` })).status).toBe(200);
		expect((await get("/", { cookie: "dispatch=theirs" })).status).toBe(401);
	});

	test.each(["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE_", "PROPFIND"])(
		"%s without the link is refused as well",
		async (method) => {
			for (const path of ["/", "/task/security-review", "/board/api/queues"])
				expect((await fetch(base + path, { method })).status).toBe(method === "TRACE_" ? 400 : 401);
		},
	);

	test("the link leads to a page of ours, whatever path it was given", async () => {
		const { search } = new URL(web.url);
		const opened = await (await fetch(`${base}//evil.example/"><script>${search}`)).text();
		expect(opened).toContain(`content="0;url=${place}/evil.example/%22%3E%3Cscript%3E"`);
		expect(opened).not.toContain("<script");
	});

	test.each(["/", "/task/security-review", "/board", "/board/api/queues", "/board/static/favicon.ico"])(
		"%s is refused without the link, and the page says how to get it",
		async (path) => {
			const refused = await get(path, {});
			expect(refused.status).toBe(401);
			expect(await refused.text()).toContain("dispatch web");
			expect((await get(`${path}?token=wrong`, {})).status).toBe(401);
			expect((await get(path, { cookie: `${cookie}x` })).status).toBe(401);
		},
	);

	test("a request under another host name is refused, even with the session", async () => {
		expect(await statusFor("evil.example")).toBe(421);
		expect(await statusFor("127.0.0.1.evil.example:80")).toBe(421);
		expect(await statusFor("localhost:80")).toBe(200);
	});
});

/** fetch does not let a Host header be chosen. */
function statusFor(host: string): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		const call = request(base, { headers: { host, cookie } }, (response) => {
			response.resume();
			resolve(response.statusCode);
		});
		call.on("error", reject).end();
	});
}

test.each([
	["delayed", "delayed until "],
	["rate_limited", "rate limit until "],
	["backoff", "next try at "],
	["auth", "not logged in"],
] as const)(
	"of a task that waits (%s) the list says for what, until when, and what it is about",
	async (kind, why) => {
		const until = kind === "auth" ? null : Date.now() + 3_600_000;
		await store.create(specOf("later", { prompt: "Look at the lists" }));
		const { generation } = await store.need("later");
		await store.hold("later", generation, { kind, until });
		try {
			const said = `${why}${until === null ? "" : clockText(until, Date.now())} · Look at the lists`;
			expect(await (await get("/")).text()).toContain(said);
		} finally {
			await store.cancel("later", "me");
			await store.remove("later");
		}
	},
);

test("a task that waits for others says for whom, with the way there", async () => {
	await store.create(specOf("after-login", { after: ["fix-login"] }));
	try {
		expect(await (await get("/")).text()).toContain("after fix-login");
		const page = await (await get("/task/after-login")).text();
		expect(page).toContain(`Waits for <a href="${place}/task/fix-login">fix-login</a></p>`);
	} finally {
		await store.cancel("after-login", "me");
		await store.remove("after-login");
	}
});

test("a task that cannot be started says so, and why", async () => {
	await store.follow("fix-login", 0, { trouble: { epoch: 0, step: "start", why: "No <b>key</b>" } });
	expect(await (await get("/")).text()).toContain("cannot be started");
	expect(await (await get("/task/fix-login")).text()).toContain(
		"its agent cannot be started (No &lt;b&gt;key&lt;/b&gt;)",
	);
	await store.follow("fix-login", 0, { trouble: null });
});

describe("the board", () => {
	test("shows the queues of every host, read only, and finds a new host by itself", async () => {
		const names = async () => {
			const reply = (await (await get("/board/api/queues")).json()) as {
				queues: { name: string; readOnlyMode: boolean }[];
			};
			expect(reply.queues.every((queue) => queue.readOnlyMode)).toBe(true);
			return reply.queues.map((queue) => queue.name);
		};
		expect(await names()).toEqual([`run-${HOST}`, `monitor-${HOST}`, `notify-${HOST}`]);
		await beat(store, "mini2", { homeId: "h2", home: "/h2", pid: 2, running: 0, concurrency: 1 });
		expect(await names()).toEqual([
			...[`run-${HOST}`, `monitor-${HOST}`, `notify-${HOST}`],
			...["run-mini2", "monitor-mini2", "notify-mini2"],
		]);
	});

	test("says of a host's jobs that they are more than its tasks", async () => {
		const { queues } = (await (await get("/board/api/queues")).json()) as {
			queues: { name: string; description: string }[];
		};
		const run = queues.find(({ name }) => name === `run-${HOST}`);
		expect(run?.description).toMatch(
			/Each start of a task is a job .* how many tasks there are says the page/,
		);
	});

	test("names a job after its task", async () => {
		const reply = await (
			await get(`/board/api/queues?activeQueue=run-${HOST}&status=latest&page=1&jobsPerPage=10`)
		).json();
		const { queues } = reply as {
			queues: { name: string; jobs: { name: string; data: { task: string } }[] }[];
		};
		const jobs = queues
			.find((queue) => queue.name === `run-${HOST}`)
			?.jobs.map((job) => [job.name, job.data.task]);
		expect(jobs).toContainEqual(["security-review", "security-review"]);
	});

	test.each([
		["PUT", `/board/api/queues/run-${HOST}/pause`],
		["PUT", `/board/api/queues/run-${HOST}/obliterate`],
		["POST", `/board/api/queues/run-${HOST}/add`],
		["PATCH", `/board/api/queues/run-${HOST}/fix-login.2/update-data`],
		["DELETE", `/board/api/queues/run-${HOST}`],
	])("refuses %s %s", async (method, path) => {
		const refused = await fetch(base + path, { method, headers: { cookie } });
		expect(refused.status).toBe(405);
		expect(await store.client.exists(`${store.keys.bull}:run-${HOST}:fix-login.2`)).toBe(1);
	});

	test("refuses every changing route that the board has", async () => {
		const api = join(import.meta.dirname, "../../node_modules/@bull-board/api/dist/routes.js");
		const routes = [
			...readFileSync(api, "utf8").matchAll(/method: '(put|post|patch|delete)',\s*route: '([^']+)'/g),
		];
		expect(routes.length).toBeGreaterThanOrEqual(23);
		for (const [, method = "", route = ""] of routes) {
			const path = route.replace(":queueName", `run-${HOST}`).replace(/:\w+/g, "fix-login.2");
			const refused = await fetch(`${base}/board${path}`, {
				method: method.toUpperCase(),
				headers: { cookie },
			});
			expect(refused.status, route).toBe(405);
		}
		expect(await store.client.exists(`${store.keys.bull}:run-${HOST}:fix-login.2`)).toBe(1);
	});

	test("its page calls no foreign server", async () => {
		const page = await (await get("/board")).text();
		expect(page).toContain("static/js/main");
		expect(page).not.toMatch(/https?:\/\//);
	});
});

describe("the own pages", () => {
	test("put what waits for an answer first, with the command to type", async () => {
		const page = await (await get("/")).text();
		expect(page.indexOf("Waiting for your answer")).toBeLessThan(page.indexOf("<h2>Tasks</h2>"));
		expect(page).toContain("dispatch answer security-review &quot;…&quot;");
		expect(page).toContain("2/3");
	});

	test("mark what was answered in an earlier session", async () => {
		await store.create(specOf("anew"));
		const moved = await store.move({ id: "anew", from: ["queued"], to: "running", runNonce: "n" });
		const epoch = moved.result === "moved" ? moved.epoch : 0;
		await store.ask("anew", epoch, [{ seq: "001", text: "Which?", hash: "a".repeat(64) }]);
		await store.answer("anew", { text: "Blue", by: "ann" });
		const MARK = "(in an earlier session)";
		expect(await (await get("/task/anew")).text()).not.toContain(MARK);
		await store.newIpc("anew", epoch);
		expect(await (await get("/task/anew")).text()).toContain(MARK);
		await store.move({ id: "anew", from: ["running"], to: "failed", set: {} });
		await store.remove("anew");
	});

	test.each([
		"/",
		"/task/hostile",
		"/task/security-review",
		`/task/${encodeURIComponent("<script>alert(1)</script>")}`,
	])("%s escapes what users and agents wrote", async (path) => {
		const page = await (await get(path)).text();
		expect(page).not.toMatch(/<script>|<img/);
		expect(page).toContain("&lt;script&gt;");
	});
});

test("says so while Redis is away, and is back with it", async () => {
	const statusNow = async () => (await get("/")).status;
	await redis.kill9();
	await expect.poll(statusNow, { timeout: CONDITION_LIMIT_MS, interval: 50 }).toBe(503);
	await redis.start();
	await expect.poll(statusNow, { timeout: CONDITION_LIMIT_MS, interval: 50 }).toBe(200);
	expect(await (await get("/")).text()).toContain("security-review");
});

test("a taken port is said with the next step", async () => {
	const port = Number(new URL(base).port);
	await expect(
		startWeb(store, { port, listen: "127.0.0.1", redis: "local Redis", option: null }),
	).rejects.toMatchObject({
		code: "DISPATCH_USAGE",
		hint: expect.stringContaining("--port"),
	});
});

test("stops twice, and nothing listens afterwards", async () => {
	const other = await startWeb(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	await other.stop();
	await other.stop();
	await expect(fetch(other.url)).rejects.toThrow();
	expect(await store.stateOf("fix-login")).toBe("queued");
});
