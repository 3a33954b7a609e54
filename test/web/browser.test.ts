import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { openBrowser } from "../../src/process/browser.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { startWeb, type Web } from "../../src/web/server.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { HOST, seed } from "./seed.ts";

/** Debian's browser, as root in a container, without calls of its own. */
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const NO_CALLS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

let redis: TestRedis;
let store: Store;
let web: Web;
let browser: Browser;

beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "browser", role: "service" });
	await seed(store);
	web = await startWeb(store, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
	browser = await chromium.launch({ executablePath, args: [...QUIET, ...NO_CALLS] });
});

afterAll(async () => {
	await browser?.close();
	await web?.stop();
	await store?.close();
	await redis?.stop();
});

/** What a browser complains about: refused scripts and styles, foreign calls, failed files. */
function complaintsOf(page: Page): string[] {
	const complaints: string[] = [];
	page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
	page.on(
		"response",
		(answer) => answer.status() >= 400 && complaints.push(`${answer.status()} ${answer.url()}`),
	);
	page.on("pageerror", (error) => complaints.push(error.message));
	page.on("request", (request) => {
		const isOurs = request.url().startsWith(new URL(web.url).origin) || request.url().startsWith("data:");
		if (!isOurs) complaints.push(`foreign: ${request.url()}`);
	});
	return complaints;
}

test("the link opens the tasks, the board lists their jobs, and nothing is refused or called", async () => {
	const page = await browser.newPage();
	const complaints = complaintsOf(page);
	await page.goto(web.url);
	await page.getByText('dispatch answer security-review "…"').waitFor();
	expect(new URL(page.url()).search).toBe("");
	await page.getByRole("link", { name: "Queues" }).click();
	await page.getByText(`Tasks on ${HOST}`).waitFor();
	await page.goto(new URL(`board/queue/run-${HOST}`, web.url).href);
	await page.getByText("security-review", { exact: true }).first().waitFor();
	expect(await page.title()).not.toBe("taken");
	await page.getByRole("link", { name: "Open task" }).first().waitFor();
	await page.goto(new URL("task/security-review", web.url).href);
	await page.getByRole("heading", { name: "security-review asking" }).waitFor();
	expect(await page.title()).toBe("security-review · dispatch · local Redis · browser");
	expect(complaints).toEqual([]);
});

test("a server on another port of this machine is sent no cookie, whatever it shows", async () => {
	const asked: { path: string; cookie: string | undefined }[] = [];
	const other = createServer(({ url = "", headers }, response) => {
		asked.push({ path: url, cookie: headers.cookie });
		response.setHeader("content-type", "text/html").end(`<img src="/board"><iframe src="/task/x"></iframe>`);
	});
	await once(other.listen(0, "127.0.0.1"), "listening");
	const page = await browser.newPage();
	try {
		await page.goto(web.url);
		await page.getByText('dispatch answer security-review "…"').waitFor();
		expect(await page.context().cookies(page.url())).toHaveLength(1);
		await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
		expect(asked.length).toBeGreaterThan(0);
		expect(asked.filter(({ cookie }) => cookie !== undefined)).toEqual([]);
	} finally {
		await page.close();
		other.closeAllConnections();
		await new Promise((resolve) => other.close(resolve));
	}
});

test("`--open` gives the browser a private file, never the token; the file leads to the tasks", async () => {
	const folder = mkdtempSync(join(tmpdir(), "open-"));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	const given = join(folder, "given");
	const program = join(folder, "browser");
	writeFileSync(program, `#!/bin/sh\necho "$*" >${given}.tmp && mv ${given}.tmp ${given}\n`, { mode: 0o755 });
	const close = await openBrowser(web.url, folder, { BROWSER: program });
	await vi.waitFor(() => expect(existsSync(given)).toBe(true), { timeout: CONDITION_LIMIT_MS });
	const file = readFileSync(given, "utf8").trim();
	expect(file).toBe(join(folder, "web-open.html"));
	expect(statSync(file).mode & 0o077).toBe(0);
	const page = await browser.newPage();
	await page.goto(`file://${file}`);
	await page.getByText('dispatch answer security-review "…"').waitFor();
	expect(page.url()).not.toContain("token");
	close?.();
	expect(existsSync(file)).toBe(false);
});
