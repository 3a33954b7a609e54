/** `dispatch worker`: whoever started it is looking, and sees what its tasks do. */
import { afterEach, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { PROGRAM, User } from "./harness.ts";

let user: User;
afterEach(() => user?.cleanup());

const STORY = [
	"`job` started using fake.",
	'`job` asks: "Which colour?" Answer with: dispatch answer job "…"',
	/`job` was answered by \S+@\S+: "Blue"/,
	/`job` complete\. All 3 items are done\./,
];

test("on a terminal it says in lines to read what its tasks do, from start to end", async () => {
	user = new User();
	const words = [process.execPath, PROGRAM, "worker"];
	const screen = new Screen(words, { columns: 180, rows: 40, cwd: user.project, env: user.env });
	try {
		await screen.waitFor(/^\d\d:\d\d:\d\d worker ready \(host /m);
		await user.ok(["enqueue", "--id", "job", "Work"]);
		for (const line of STORY.slice(0, 2)) await screen.waitFor(line);
		await user.ok(["answer", "job", "Blue"]);
		for (const line of STORY) await screen.waitFor(line);
		screen.keys("C-c");
		expect(await screen.waitFor("ended with 0")).not.toContain('{"');
	} finally {
		screen.close();
	}
});

test("a question that ends with a secret is told, and so is what comes after it", async () => {
	user = new User({ agents: { linker: "asks-link.sh" } });
	const words = [process.execPath, PROGRAM, "worker"];
	const screen = new Screen(words, { columns: 180, rows: 40, cwd: user.project, env: user.env });
	try {
		await screen.waitFor(/^\d\d:\d\d:\d\d worker ready \(host /m);
		await user.ok(["enqueue", "--id", "job", "--model", "linker", "Work"]);
		await screen.waitFor(
			'`job` asks: "May I open https://x.example/?token=***" Answer with: dispatch answer job',
		);
		await user.ok(["answer", "job", "Yes"]);
		await screen.waitFor("`job` complete.");
		screen.keys("C-c");
		expect(await screen.waitFor("ended with 0")).not.toContain("is not told here");
	} finally {
		screen.close();
	}
});

test("elsewhere it logs the same, a document a line, with the task and the event", async () => {
	user = new User({ agents: { broken: "item-error.sh" } });
	const worker = user.start(["worker"]);
	let log = "";
	worker.stderr?.on("data", (chunk: Buffer) => {
		log += chunk.toString();
	});
	await expect.poll(() => log).toContain("worker ready");
	await user.ok(["enqueue", "--id", "bad", "--model", "broken", "--attempts", "1", "Work"]);
	await expect.poll(() => log).toContain("`bad` failed (item_error).");
	worker.kill("SIGTERM");
	await expect.poll(() => worker.exitCode).toBe(0);
	const told = log
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as { task?: string; event?: string; msg: string })
		.filter(({ event }) => event !== undefined);
	expect(told.map(({ task, event }) => [task, event])).toEqual([
		["bad", "started"],
		["bad", "failed"],
	]);
	expect(told[0]?.msg).toBe("`bad` started using broken.");
});
