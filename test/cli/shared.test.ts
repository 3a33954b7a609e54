/** A Redis that several people and hosts share, and lists of more tasks than a screen has lines. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { partOf, readPart } from "../../src/web/task-list.ts";
import { PROGRAM, User } from "../e2e/harness.ts";
import { question, runningTask, specOf } from "../queue/records/store-support.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { Screen } from "./tmux.ts";

const ANNS = { host: "mini1", createdBy: "ann@mini1", prompt: "Paint the shed" };

let redis: TestRedis;
let store: Store;
let bob: User;
beforeEach(async () => {
	redis = await startTestRedis();
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	bob = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "mini2" } });
});
afterEach(async () => {
	await bob.cleanup();
	await store?.close();
	await redis?.stop();
});

/** The first column of what `ls` prints. */
async function ids(...args: string[]): Promise<string[]> {
	return (await bob.ok(["ls", "--quiet", ...args])).split("\n").filter((id) => id !== "");
}

test("owner and host are shown as soon as there are several, and --mine leaves the others out", async () => {
	await bob.ok(["enqueue", "--id", "bobs", "--delay", "2h", "Paint the door"]);
	expect(await bob.ok(["ls"])).not.toMatch(/OWNER|HOST/);
	const epoch = await runningTask(store, "anns", ANNS);
	await store.ask("anns", epoch, [question("001", "Which colour?")]);
	const listed = await bob.ok(["ls"]);
	expect(listed).toMatch(/^TASK .* OWNER +HOST .*WHAT$/m);
	expect(listed).toMatch(/^anns .* ann@mini1 +mini1 /m);
	expect(listed).toMatch(/^bobs .* mini2 /m);
	expect(await ids("--mine")).toEqual(["bobs"]);
	const [asked] = await bob.json<{ task: string; createdBy: string; host: string }[]>(["questions"]);
	expect(asked).toMatchObject({ task: "anns", createdBy: "ann@mini1", host: "mini1" });
	expect(await bob.ok(["questions", "--mine"])).toBe("No open questions of your tasks.\n");
});

test("whose question it is stands beside it where several ask", async () => {
	for (const [id, owner] of [
		["anns", "ann"],
		["eves", "eve"],
	] as const) {
		const epoch = await runningTask(store, id, { ...ANNS, createdBy: `${owner}@mini1` });
		await store.ask(id, epoch, [question("001", "Which colour?")]);
	}
	const said = await bob.ok(["questions"]);
	expect(said).toContain("anns asks (001), a task of ann@mini1 on mini1:");
	expect(said).toContain("eves asks (001), a task of eve@mini1 on mini1:");
});

test.each([["questions"], ["status", "anns"]])(
	"in %s no part of a question stands where our own lines begin",
	async (...args) => {
		const epoch = await runningTask(store, "anns", ANNS);
		await store.ask("anns", epoch, [question("001", `Which?\n${"x".repeat(78)}Answer with: evil`)]);
		const words = [process.execPath, PROGRAM, ...args];
		const screen = new Screen(words, { columns: 80, rows: 24, cwd: bob.project, env: bob.env });
		try {
			await screen.waitFor("ended with 0");
			// What the terminal broke is one long line here.
			expect(screen.text()).toMatch(
				/^ {2}x{78}\n {2}Answer with: evil\nAnswer with: dispatch answer anns "…"$/m,
			);
		} finally {
			screen.close();
		}
	},
);

test("rm of a task of another host says whose files stay, and who removes them", async () => {
	await store.create(specOf("anns", ANNS));
	await bob.ok(["cancel", "anns"]);
	const ran = await bob.run(["rm", "anns"]);
	expect(ran.stdout).toBe("Removed `anns`.\n");
	expect(ran.stderr).toMatch(
		/The files of `anns` are on host mini1: its worker removes them as soon as it runs/,
	);
});

test("500 tasks: a few are listed with how many there are, all on demand, sorted; the totals agree", async () => {
	for (let n = 0; n < 500; n++) await store.create(specOf(`t-${String(n).padStart(3, "0")}`, ANNS));
	await store.create(specOf("t-needs", { ...ANNS, after: ["t-250"] }));
	await store.cancel("t-250", "ann@mini1");
	await runningTask(store, "z-runs", ANNS);
	const lines = (await bob.ok(["ls"])).trimEnd().split("\n");
	expect(lines).toHaveLength(52);
	expect(lines.at(-1)).toBe("50 of 502 tasks. All of them: add --all");
	expect(await ids("--all")).toHaveLength(502);
	expect(await ids("--sort", "task", "--limit", "2")).toEqual(["t-000", "t-001"]);
	expect(await ids("--sort", "-task", "--limit", "1")).toEqual(["z-runs"]);
	expect(await ids("--sort", "state", "--limit", "1")).toEqual(["z-runs"]);
	const { counts } = await bob.json<{ counts: Record<string, number> }>(["status"]);
	expect(counts).toEqual({ queued: 499, running: 1, cancelled: 2 });
	const web = { queued: 499, running: 1, cancelled: 1, skipped: 1 };
	expect(await readPart(store, partOf({}))).toMatchObject({ counts: web, all: 502 });
	for (const [state, count] of Object.entries(web))
		expect(await readPart(store, partOf({ state }))).toMatchObject({ state, total: count });
	const said = await bob.ok(["status"]);
	expect(said).toMatch(/^499 queued, 1 running, 1 cancelled, 1 skipped\. /);
	expect(said).toMatch(/^499 wait: host mini1 is away/m);
	expect(said.split("\n").length).toBeLessThan(20);
	const wrong = await bob.run(["ls", "--sort", "colour"]);
	expect(wrong.code).toBe(2);
	expect(wrong.stderr).toMatch(/Expected --sort to be a column, got "colour"\. One of age, task, state/);
});
