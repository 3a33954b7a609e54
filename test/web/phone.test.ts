/** The pages in a real browser: all tasks can be reached, on a small screen as well, and each page says of which Redis it is. */
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { startWeb, type Web } from "../../src/web/server.ts";
import { runningTask } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { specOf } from "./seed.ts";

/** Debian's browser, as root in a container, without calls of its own. */
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const NO_CALLS = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PHONE = { width: 375, height: 667 };
const COUNT = 228;
const CANCELLED = 3;
const UNBROKEN = "x".repeat(300);
const LONG_ID = `long-${"y".repeat(59)}`;

let redis: TestRedis;
let store: Store;
let web: Web;
let browser: Browser;
beforeAll(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "phone", role: "service" });
	for (let n = 1; n <= COUNT - 2; n++) await store.create(specOf(`task-${n}`));
	for (let n = 1; n <= CANCELLED; n++) await store.cancel(`task-${n}`, "test");
	await asking("asked", "Which one?\n\n1. auth.ts\n2. legacy.ts");
	await store.answer("asked", { text: "Both:\n- auth.ts first\n- then legacy.ts", by: "ann@mini1" });
	await asking(LONG_ID, `${UNBROKEN}?`);
	web = await startWeb(store, { port: 0, listen: "127.0.0.1", redis: "redis.example:6379", option: null });
	const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
	browser = await chromium.launch({ executablePath, args: [...QUIET, ...NO_CALLS] });
});
afterAll(async () => {
	await browser?.close();
	await web?.stop();
	await store?.close();
	await redis?.stop();
});

async function asking(id: string, text: string): Promise<void> {
	const epoch = await runningTask(store, id, specOf(id, { prompt: UNBROKEN, cwd: `/${UNBROKEN}` }));
	const items = [{ marker: " " as const, text: UNBROKEN, note: UNBROKEN }];
	const progress = { plan: { title: null, items }, activity: UNBROKEN, usage: null, lastSignAt: 1 };
	await store.follow(id, epoch, { progress }, UNBROKEN);
	await store.ask(id, epoch, [{ seq: "001", text, hash: "a".repeat(64) }]);
}

async function open(size = { width: 1200, height: 800 }): Promise<Page> {
	const page = await browser.newPage({ viewport: size });
	onTestFinished(() => page.close());
	await page.goto(web.url);
	await page.getByRole("heading", { name: "Tasks" }).waitFor();
	return page;
}

test("a long list says how many of how many, and every task is a few clicks away", async () => {
	const page = await open();
	const rows = page.locator("tbody tr");
	const seen = new Set<string>();
	for (const where of ["1–100 of 228 tasks", "101–200 of 228 tasks", "201–228 of 228 tasks"]) {
		await page.getByText(where).waitFor();
		for (const id of await rows.locator("td:first-child").allTextContents()) seen.add(id);
		const older = page.getByRole("link", { name: "Older" });
		if (await older.isVisible()) await older.click();
	}
	expect(seen.size).toBe(COUNT);
	await page.getByRole("link", { name: "Newer" }).click();
	await page.getByText("101–200 of 228 tasks").waitFor();
});

test("the list shows the tasks of one state, with how many there are of each", async () => {
	const page = await open();
	await page.getByRole("link", { name: "cancelled 3" }).click();
	await page.getByText("1–3 of 3 tasks that are cancelled").waitFor();
	expect((await page.locator("tbody td:first-child").allTextContents()).sort()).toEqual([
		"task-1",
		"task-2",
		"task-3",
	]);
	await page.getByRole("link", { name: "all 228" }).click();
	await page.getByText("1–100 of 228 tasks").waitFor();
});

test.each([
	"",
	"?page=3",
	"?state=failed",
	"?page=99&state=nope",
	"task/asked",
	`task/${LONG_ID}`,
	"task/none",
	`none/${UNBROKEN}`,
	"board",
])("/%s is no wider than a phone's screen", async (path) => {
	const page = await open(PHONE);
	await page.goto(new URL(path, web.url).href);
	await page.waitForLoadState("networkidle");
	const width = await page.evaluate<number>("document.documentElement.scrollWidth");
	expect(width).toBeLessThanOrEqual(PHONE.width);
});

test("questions and answers keep their line breaks", async () => {
	const page = await open();
	await page.goto(new URL("task/asked", web.url).href);
	const said = await page.locator("p.said").allInnerTexts();
	expect(said).toEqual([
		"Which one?\n\n1. auth.ts\n2. legacy.ts",
		"Both:\n- auth.ts first\n- then legacy.ts",
	]);
});

test("pages of two addresses, or of two namespaces of one, are told apart by their titles", async () => {
	const other = await openStore({ target: redis.target, namespace: "default", role: "service" });
	const second = await startWeb(other, { port: 0, listen: "127.0.0.1", redis: "local Redis", option: null });
	onTestFinished(async () => {
		await second.stop();
		await other.close();
	});
	const page = await open();
	expect(await page.title()).toBe("(1) dispatch · redis.example:6379 · phone");
	await page.goto(second.url);
	await page.getByText("No tasks yet").waitFor();
	expect(await page.title()).toBe("dispatch · local Redis");
	await page.goto(new URL("board", second.url).href);
	await page.getByText("dispatch · local Redis").first().waitFor();
});
