/** The screens in a real terminal: what stands there, what the keys do, and what is left behind. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROGRAM, User } from "../e2e/harness.ts";
import { Screen } from "./tmux.ts";

let user: User;
let screens: Screen[] = [];
beforeEach(() => {
	user = new User({
		agent: "ten-line.sh",
		agents: { busy: "busy.sh", broken: "item-error.sh", quick: "writes-report.sh" },
		config: "worker: { concurrency: 4 }",
	});
});
afterEach(async () => {
	for (const screen of screens) screen.close();
	screens = [];
	await user.cleanup();
});

function open(
	args: string[],
	size: { columns: number; rows: number },
	env: Record<string, string> = {},
): Screen {
	const words = [process.execPath, PROGRAM, ...args];
	const screen = new Screen(words, { ...size, cwd: user.project, env: { ...user.env, ...env } });
	screens.push(screen);
	return screen;
}

/** Without what differs from run to run. */
function steady(text: string): string {
	return text
		.replaceAll(user.project, "/home/ann/shop")
		.replaceAll(user.path, "/home/ann")
		.replace(/\d\d:\d\d:\d\d/g, "12:00:00")
		.replace(/ until \d\d:\d\d\b/g, " until 14:00")
		.replace(/\b\d+(?:ms|s|m)\b( {2,})?/g, (all: string, spaces?: string) =>
			spaces === undefined ? "1s" : "1s".padEnd(all.length),
		)
		.replace(/ on [\w-]+-[0-9a-f]{4}$/gm, " on mini1");
}

const WIDE = { columns: 160, rows: 50 };
const NARROW = { columns: 80, rows: 24 };

async function someTasks(): Promise<void> {
	await user.ok(["enqueue", "--id", "broken", "--model", "broken", "x"]);
	await user.waitForState("broken", "failed");
	await user.ok(["enqueue", "--id", "quick-look", "--model", "quick", "x"]);
	await user.waitForState("quick-look", "completed");
	await user.ok(["enqueue", "--id", "later", "--delay", "2h", "x"]);
	await user.ok(["enqueue", "--id", "compute", "--model", "busy", "x"]);
	await user.ok(["enqueue", "--id", "review-login", "x"]);
	await user.waitForState("compute", "running");
	await user.waitForState("review-login", "asking");
}

test("prune: a person is shown what would go and asked; Enter alone and Ctrl-C remove nothing, y and --yes do", async () => {
	for (const id of ["one", "two"]) {
		await user.ok(["enqueue", "--id", id, "--delay", "1h", "x"]);
		await user.ok(["cancel", id]);
	}
	const prune = ["prune", "--older-than", "1ms"];
	for (const key of ["Enter", "C-c"]) {
		const screen = open(prune, NARROW);
		await screen.waitFor(/two +cancelled\n.* one +cancelled\n[\s\S]*Delete these 2 tasks/);
		screen.keys(key);
		await screen.waitFor(/Nothing was removed\.\nended with 130/);
	}
	expect(await user.json(["ls"])).toHaveLength(2);
	await user.ok(["rm", "two"]);
	const agreed = open(prune, NARROW);
	await agreed.waitFor("Delete this task");
	agreed.keys("y");
	await agreed.waitFor(/Removed 1 task older than 1ms\.\nended with 0/);
	await user.ok(["enqueue", "--id", "three", "--delay", "1h", "x"]);
	await user.ok(["cancel", "three"]);
	await open([...prune, "--yes"], NARROW).waitFor(/Removed 1 task older than 1ms\.\nended with 0/);
});

describe("watch", () => {
	test("answers and cancels by keys, follows a resize, and gives the terminal back", async () => {
		await someTasks();
		const screen = open(["watch"], NARROW);
		await screen.waitFor(/compute +running +░+ 0\/1/);
		await screen.waitFor(/›review-login +asking +██░░░░ 1\/3/);
		await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot("screens/live-watch-80x24.txt");
		screen.resize(WIDE.columns, WIDE.rows);
		await screen.waitFor(/review-login +asking +████░+ 1\/3/);
		await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot("screens/live-watch-160x50.txt");
		screen.keys("a");
		await screen.waitFor("Enter send");
		screen.type("Blue sky");
		screen.keys("Enter");
		await screen.waitFor("Answer sent to review-login.");
		await screen.waitFor(/review-login +completed/);
		expect(await user.ok(["output", "review-login"])).toBe("The answer: Blue sky\n");
		await screen.waitFor("q quit");
		screen.keys("k", "k", "k", "k", "k", "k");
		await screen.waitFor(/›compute/);
		screen.keys("c");
		await screen.waitFor("Cancel compute?");
		screen.keys("y");
		await screen.waitFor(/compute +cancelled/);
		screen.keys("l");
		await screen.waitFor("logs of");
		screen.keys("Escape");
		await screen.waitFor("NOW");
		expect(screen.mode).toBe("1 0");
		screen.keys("q");
		await screen.waitFor("ended with 0");
		expect(screen.mode).toBe("0 1");
	});

	test("killed by SIGTERM it leaves a sane terminal; a Redis that is away is told, and it goes on", async () => {
		await someTasks();
		const screen = open(["watch"], NARROW);
		await screen.waitFor(/›review-login +asking/);
		const redis = user.processes().find(({ command }) => command.includes("redis"));
		if (redis === undefined) throw new Error("There is no Redis.");
		process.kill(redis.pid, "SIGSTOP");
		await screen.waitFor("Redis is away since");
		process.kill(redis.pid, "SIGCONT");
		await screen.waitFor("1 asking");
		const watch = user.processes().find(({ command }) => command.endsWith(" watch"));
		process.kill(watch?.pid ?? 0, "SIGTERM");
		await screen.waitFor("ended with");
		expect(screen.mode).toBe("0 1");
	});

	test("piped it prints a line per change, with --json an object", async () => {
		const plain = user.start(["watch"]);
		const json = user.start(["watch", "--json"]);
		const seen = { plain: "", json: "" };
		plain.stdout?.on("data", (chunk: Buffer) => {
			seen.plain += chunk.toString();
		});
		json.stdout?.on("data", (chunk: Buffer) => {
			seen.json += chunk.toString();
		});
		await user.ok(["enqueue", "--id", "job", "x"]);
		await expect.poll(() => seen.plain).toMatch(/ job asks \(001\): Which colour\?\n/);
		await user.ok(["answer", "job", "Blue"]);
		await expect.poll(() => seen.plain).toMatch(/^\S+Z job completed 3\/3$/m);
		await expect.poll(() => seen.json).toContain('"state":"completed"');
		for (const line of seen.json.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ id: "job" });
		expect(seen.plain).not.toContain("\u001b");
		plain.kill();
		json.kill();
	});
});

test("inbox: choices by number, free text, $EDITOR; what is answered elsewhere goes away; what was done stays to be read", async () => {
	const script = `cd ".dispatch/tasks/$DISPATCH_TASK" || exit 1
printf '# Db\\n\\n- [x] Look at the code\\n- [ ] Choose the database\\n' >plan.md
dispatch ask "Which database?" --option Postgres --option SQLite >output.md
printf '# Db\\n\\n- [x] Look at the code\\n- [x] Choose the database\\n' >plan.md; : >ipc/.done\n`;
	const agent = user.write("choices.sh", `#!/bin/sh\n${script}`, 0o755);
	const line = `backends: { choices: { type: command, command: '${agent}' }, fake: { type: command, command: '${join(import.meta.dirname, "../fixtures/agents/ten-line.sh")}' } }`;
	writeFileSync(join(user.home, "config.yaml"), `default: fake\n${line}\nworker: { concurrency: 4 }\n`);
	await user.ok(["enqueue", "--id", "db", "--model", "choices", "x"]);
	await user.waitForState("db", "asking");
	const screen = open(["inbox"], NARROW, { EDITOR: "sed -i '1s/^/Green /'" });
	await screen.waitFor("Which database?");
	await screen.waitFor("Ctrl-N next");
	await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot("screens/inbox-80x24.txt");
	screen.resize(40, 10);
	await screen.waitFor(/^ Enter send {2}.*F1 keys$/m);
	await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot("screens/inbox-40x10.txt");
	screen.resize(WIDE.columns, WIDE.rows);
	await screen.waitFor("[ ] Choose the database");
	await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot("screens/inbox-160x50.txt");
	screen.keys("2");
	await screen.waitFor("Enter sends option 2: “SQLite”");
	screen.keys("Enter");
	await screen.waitFor('Answer sent to db: "SQLite" (option 2).');
	await user.waitForState("db", "completed");
	expect(await user.ok(["output", "db"])).toBe("SQLite\n");
	await user.ok(["enqueue", "--id", "colour", "x"]);
	await screen.waitFor("Which colour?");
	await screen.waitFor("F1 keys");
	screen.type("by hand");
	screen.keys("C-e");
	await screen.waitFor("> Green by hand");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to colour.");
	await user.waitForState("colour", "completed");
	expect(await user.ok(["output", "colour"])).toBe("The answer: Green by hand\n");
	await user.ok(["enqueue", "--id", "third", "x"]);
	await screen.waitFor("third asks (001)");
	await user.ok(["answer", "third", "Red"]);
	await screen.waitFor("Somebody else answered third meanwhile.");
	screen.keys("C-c");
	await screen.waitFor("ended with 130");
	expect(screen.mode).toBe("0 1");
	expect(screen.text()).toContain("Answer sent to colour.");
});

test("inbox: a question of a damaged task holds up no other", async () => {
	for (const id of ["broken", "sound"]) {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "asking");
	}
	const client = new Redis({ path: join(user.home, "redis/redis.sock") });
	await client.hset("{dispatch:default}:task:broken", "spec", "{x");
	client.disconnect();
	const screen = open(["inbox"], NARROW);
	await screen.waitFor('The record of "broken" in Redis is damaged');
	await screen.waitFor("sound asks (001)");
	screen.type("Blue");
	screen.keys("Enter");
	await screen.waitFor("Answer sent to sound.");
	await screen.waitFor("No open questions.");
	screen.keys("C-c");
	await screen.waitFor("ended with 130");
});

test("Ctrl-C at a wait for many names all of them", async () => {
	const ids = Array.from({ length: 7 }, (_, n) => `task-${n}`);
	for (const id of ids) await user.ok(["enqueue", "--id", id, "--delay", "1h", "x"]);
	const screen = open(["wait", ...ids], WIDE);
	await screen.waitFor("0 of 7 ended");
	screen.keys("C-c");
	await screen.waitFor(`wait again with: dispatch wait ${ids.join(" ")}`);
	const cursor = open(["wait", "task-1", "--cursor", "seen"], WIDE);
	await cursor.waitFor("waiting for a question or an end");
	cursor.keys("C-c");
	await cursor.waitFor("wait again with: dispatch wait task-1 --cursor seen");
	const any = open(["wait", "task-1", "task-2", "--any", "--for", "question"], WIDE);
	await any.waitFor("0 of 2 ended");
	any.keys("C-c");
	await any.waitFor("wait again with: dispatch wait task-1 task-2 --any --for question");
});

test("Ctrl-C at a wait for a batch names the batch, however many its tasks are", async () => {
	const tasks = Array.from({ length: 25 }, (_, n) => `- { id: many-${n}, prompt: x, delay: 1h }\n`);
	user.write("many.yaml", tasks.join(""));
	for (const args of [
		["batch", "many.yaml", "--key", "crowd", "--wait"],
		["batch", "wait", "crowd"],
	]) {
		const screen = open(args, WIDE);
		await screen.waitFor(/^25 \w+, /m);
		screen.keys("C-c");
		await screen.waitFor("wait again with: dispatch batch wait crowd");
	}
});

test("what is asked on a terminal goes to stderr: stdout is the result; who says no has started nothing", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	const out = join(user.path, "out");
	const program = `"${process.execPath}" "${PROGRAM}"`;
	const shell = (script: string) => {
		const screen = new Screen(["sh", "-c", script], { ...NARROW, cwd: user.project, env: user.env });
		screens.push(screen);
		return screen;
	};
	const answering = shell(`${program} answer job --json >"${out}"`);
	await answering.waitFor("job asks (001)");
	answering.type("Blue");
	answering.keys("Enter");
	await answering.waitFor("ended with 0");
	expect(JSON.parse(readFileSync(out, "utf8"))).toMatchObject({ task: "job", answer: "Blue" });
	await user.waitForState("job", "completed");
	const signing = shell(`${program} retry job --sign >"${out}"`);
	await signing.waitFor("Sign this and run it as you?");
	signing.keys("n");
	await signing.waitFor("Nothing was signed, and nothing was started.");
	await signing.waitFor("ended with 130");
	expect(readFileSync(out, "utf8")).toBe("");
	expect((await user.json(["status", "job"])).state).toBe("completed");
});

test("inbox without a terminal prints the open questions", async () => {
	await user.ok(["enqueue", "--id", "job", "x"]);
	await user.waitForState("job", "asking");
	expect(await user.ok(["inbox"])).toContain('dispatch answer job "…"');
	expect(await user.json(["inbox"])).toMatchObject([{ task: "job", seq: "001" }]);
});

test.each([NARROW, WIDE])("status and the first run at $columns × $rows", async (size) => {
	await user.ok(["enqueue", "--id", "review-login", "x"]);
	await user.waitForState("review-login", "asking");
	const screen = open(["status", "review-login"], size);
	await screen.waitFor("ended with 0");
	const name = `${size.columns}x${size.rows}`;
	await expect(`${steady(screen.text())}\n`).toMatchFileSnapshot(`screens/status-${name}.txt`);
	const bin = join(user.path, "bin");
	mkdirSync(bin);
	for (const cli of ["claude", "codex"]) {
		writeFileSync(join(bin, cli), "#!/bin/sh\n");
		chmodSync(join(bin, cli), 0o755);
	}
	const fresh = { DISPATCH_HOME: join(user.path, "fresh"), PATH: `${bin}:/usr/bin:/bin` };
	const first = open(["config", "init"], size, fresh);
	await first.waitFor("which model shall work");
	await expect(`${steady(first.text())}\n`).toMatchFileSnapshot(`screens/first-run-${name}.txt`);
	first.keys("Down", "Enter");
	await first.waitFor("the default model is sonnet");
	await first.waitFor("ended with 0");
});

test("the summary is as wide as the terminal, which breaks none of its lines", async () => {
	await user.ok(["enqueue", "--id", "review-login", "--delay", "1h", "x"]);
	await user.ok(["down"]);
	const columns = 50;
	const screen = open(["status"], { columns, rows: 24 });
	await screen.waitFor("ended with 0");
	const text = screen.text();
	expect(text.replace(/\s+/g, " ")).toContain("No worker runs on this host: `dispatch up` starts it.");
	// tmux joins what it broke itself.
	for (const line of text.split("\n")) expect(line.length, line).toBeLessThanOrEqual(columns);
});

test("errors and remarks are as wide as the terminal, and commands in them stay whole", async () => {
	const columns = 50;
	for (const [words, command] of [
		[["statsu"], "`dispatch status`"],
		[["answer"], "dispatch answer --help"],
		[["notify"], "dispatch config edit"],
	] as const) {
		const screen = open([...words], { columns, rows: 24 });
		await screen.waitFor("ended with 2");
		const rows = screen.text().split("\n");
		for (const row of rows) expect(row.length, row).toBeLessThanOrEqual(columns);
		expect(rows.filter((row) => row.includes(command))).toHaveLength(1);
	}
});

test("demo: tells the story, takes the user's answer, and says what to type next", async () => {
	const screen = open(["demo"], NARROW, { DISPATCH_HOME: join(user.path, "demo") });
	await screen.waitFor("Worker is asking:");
	// A key before that is a line for nobody.
	await screen.waitFor("Your answer");
	screen.keys("Enter");
	await screen.waitFor(/Now yours: dispatch enqueue/);
	await screen.waitFor("ended with 0");
	expect(screen.text()).toMatch(/`demo-review` complete\. Found \d+ issues/);
});
