/**
 * Makes the pictures of the docs anew: `npm run pictures`. Each is a real screen, of the real program on a real
 * terminal (tmux) or in a real browser; ages, times and the name of the machine are made alike from run to run.
 */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { terminalSvg } from "./terminal-svg.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");
const COLUMNS = 98;
const CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];

let user: User;
const screens: Screen[] = [];

beforeAll(async () => {
	user = new User({
		agent: "on-pictures.sh",
		config: "worker: { concurrency: 3 }",
		env: { DISPATCH_HOST_ID: "mini1", DISPATCH_DEMO_PACE_MS: "50" },
	});
	mkdirSync(join(user.path, "bin"));
	symlinkSync(PROGRAM, join(user.path, "bin/dispatch"));
	const submit = (id: string, prompt: string, ...more: string[]) =>
		user.ok(["enqueue", "--id", id, ...more, prompt]);
	await submit("migrate-database", "Move the orders table to the new schema");
	await user.waitForState("migrate-database", "failed");
	await submit("write-docs", "Write a page about the API's errors");
	await user.waitForState("write-docs", "completed");
	await submit("update-dependencies", "Bring all dependencies up to date, one commit each");
	await submit("choose-cache", "Put a cache before the product list");
	// In the same order in each picture.
	await user.waitForState("choose-cache", "asking");
	await submit("review-login-code", "Review the login code for security problems");
	await user.waitForState("update-dependencies", "running");
	await user.waitForState("review-login-code", "asking");
	await submit("nightly-report", "Report what changed since yesterday", "--delay", "6h");
});
afterAll(async () => {
	for (const screen of screens) screen.close();
	await user.cleanup();
});

/** A shell with a prompt, in which the commands are typed. */
async function shell(rows: number, cwd = user.project): Promise<Screen> {
	const env = { ...user.env, PATH: `${join(user.path, "bin")}:${user.env.PATH}`, HISTFILE: "" };
	const screen = new Screen(["bash", "--norc", "--noprofile"], { columns: COLUMNS, rows, cwd, env });
	screens.push(screen);
	await screen.waitFor(/[#$]$/);
	type(screen, "PS1='$ '; clear");
	await screen.waitFor(/^\$$/);
	return screen;
}

function type(screen: Screen, line: string): void {
	screen.type(line);
	screen.keys("Enter");
}

/** @param rows of the screen that are shown; fewer where less is on it */
function save(name: string, screen: Screen, label: string, rows = 99): void {
	const lines = steady(screen.text(true)).split("\n");
	writeFileSync(join(DOCS, name), terminalSvg(lines.slice(0, rows).join("\n").trimEnd(), COLUMNS, label));
}

/** Without what differs from run to run, at the same width. */
function steady(text: string): string {
	return text
		.replaceAll(user.project, "/home/ann/shop")
		.replaceAll(user.path, "/home/ann")
		.replace(/\d\d:\d\d:\d\d/g, "12:00:00")
		.replace(/until \d\d:\d\d(?: \(in [^)]*\))?/g, "until 18:00")
		.replace(/\b\d+ms\b/g, "2s")
		.replace(/(?<![[;\d])\b\d+(?=(?:s|m|h)\b)/g, (digits) => "2".repeat(digits.length));
}

test("status: what runs and what needs you, and an answer from the command line", async () => {
	await expect.poll(async () => (await user.json(["status", "update-dependencies"])).plan.done).toBe(3);
	const screen = await shell(34);
	type(screen, "dispatch");
	await screen.waitFor(/choose-cache asks[\s\S]*\n\$$/);
	type(screen, "dispatch answer choose-cache 1");
	await screen.waitFor(/continuing\.[^$]*\n\$$/);
	type(screen, "dispatch wait choose-cache");
	await screen.waitFor(/`choose-cache` complete[\s\S]*\n\$$/);
	save(
		"status.svg",
		screen,
		"dispatch: two agents ask; one is answered by the number of an option and completes",
	);
});

test("watch: the list, and an answer being typed", async () => {
	const screen = await shell(24);
	type(screen, "dispatch watch");
	await screen.waitFor(/review-login-code +asking[\s\S]*update-dependencies +running/);
	save(
		"watch.svg",
		screen,
		"dispatch watch: a live table of tasks with their plans; one agent asks, one works",
	);
	await select(screen, "review-login-code");
	screen.keys("a");
	await screen.waitFor("Esc");
	screen.type("both, the older one first");
	await screen.waitFor("the older one first");
	save(
		"watch-answer.svg",
		screen,
		"dispatch watch: the whole question of an agent, and the answer being typed",
	);
	screen.keys("Escape");
	screen.keys("q");
});

test("inbox: a question with its options", async () => {
	const screen = await shell(28);
	type(screen, "dispatch inbox");
	await screen.waitFor(/legacy-auth\.ts/);
	await screen.waitFor(/both/);
	save("inbox.svg", screen, "dispatch inbox: one question with its options, and what the agent did before");
	screen.keys("C-c");
});

test("demo: the main job from end to end", async () => {
	const screen = await shell(40, user.path);
	type(screen, "dispatch demo");
	await screen.waitFor("Your answer");
	screen.type("yes");
	screen.keys("Enter");
	await screen.waitFor("Now yours:");
	save(
		"demo.svg",
		screen,
		"dispatch demo: a task is dispatched, the worker asks, the answer goes back, the report is there",
	);
});

test("web: the tasks and their questions in a browser", async () => {
	const web = user.start(["web", "--port", "0", "--json"]);
	let said = "";
	web.stdout?.on("data", (chunk: Buffer) => {
		said += chunk.toString("utf8");
	});
	await expect.poll(() => said).toMatch(/"url":"[^"]+"/);
	const url = /"url":"([^"]+)"/.exec(said)?.[1] ?? "";
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
		args: CHROMIUM,
	});
	try {
		const page = await browser.newPage({ viewport: { width: 960, height: 620 }, colorScheme: "light" });
		await page.goto(url);
		await page.getByText("review-login-code").first().waitFor();
		expect(await page.title()).toContain("dispatch");
		await page.screenshot({ path: join(DOCS, "web.png") });
	} finally {
		await browser.close();
		web.kill("SIGTERM");
	}
});

/** Moves down the list until the task's row is the selected one. */
async function select(screen: Screen, id: string): Promise<void> {
	const isSelected = () => new RegExp(`^[›>] ?${id}`, "m").test(screen.text());
	for (let at = 0; at < 12 && !isSelected(); at++) {
		const before = screen.text();
		screen.keys("Down");
		await expect.poll(() => screen.text()).not.toBe(before);
	}
	expect(isSelected()).toBe(true);
}
