/** What a task may begin with, and what can be read of it later. */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { User, type UserOptions } from "./harness.ts";

let user: User;
beforeEach(() => {
	user = new User({ agent: "records-args.sh" });
});
afterEach(() => user.cleanup());

async function userWith(options: UserOptions): Promise<void> {
	await user.cleanup();
	user = new User(options);
}

function template(folder: string, name: string, text: string): void {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, `${name}.md`), text);
}

interface Planned {
	id: string;
	prompt: string;
	promptAddition: string | null;
	givenItems: string[];
	contextFiles: string[];
}

const planned = (args: string[]) => user.json<Planned>(["enqueue", "--dry-run", ...args]);

describe("templates", () => {
	test("the built-in ones, with their variables put in", async () => {
		const review = await planned(["--template", "security-review", "--var", "path=src/\nauth"]);
		expect(review).toMatchObject({
			prompt: "Do a security review of src/\nauth.",
			id: "security-review-src",
		});
		expect(review.givenItems[0]).toContain("the entry points of src/ auth:");
		expect(review.promptAddition).toContain("You review code for security.");
		const own = await planned(["--template", "code-review", "--item", "Mine", "Look at", "main.ts"]);
		expect(own).toMatchObject({ prompt: "Look at main.ts", givenItems: ["Mine"] });
	});

	test("the project's own before the user's, and those before the built-in", async () => {
		const mine = "---\nvariables: { who: }\n---\n- [ ] Ask {{who}}\n";
		template(join(user.home, "templates"), "code-review", mine);
		expect((await planned(["--template", "code-review", "--var", "who=Ada", "x"])).givenItems).toEqual([
			"Ask Ada",
		]);
		const project = join(user.project, ".dispatch", "templates");
		template(project, "code-review", "- [ ] Project\n");
		template(project, "broken", "---\nprompt: [\n---\n- [ ] x\n");
		expect((await planned(["--template", "code-review", "x"])).givenItems).toEqual(["Project"]);
		const listed = await user.json<{ name: string; source: string }[]>(["templates"]);
		expect(listed.map(({ name, source }) => `${name} ${source.includes(user.project)}`)).toEqual([
			"code-review true",
			"security-review false",
		]);
		expect(await user.ok(["templates", "code-review"])).toBe("- [ ] Project\n");
	});

	test.each([
		[["--template", "nosuch", "x"], 2, /There is no template "nosuch".*code-review, .*security-review/],
		[["--template", "../../etc/passwd", "x"], 2, /There is no template/],
		[["--template", "security-review", "--var", "nope=1"], 2, /no variable "nope".*path/],
		[["--template", "needs", "x"], 2, /needs a value for "who".*--var who=VALUE/],
		[["--template", "empty", "x"], 2, /empty\.md cannot be used: it has no items.*TEMPLATES/],
		[["--var", "a=b", "x"], 2, /--var needs --template/],
		[["--context", "nosuch.md", "x"], 2, /Cannot read .*nosuch\.md/],
		[["--delay", "soon", "x"], 2, /--delay.*soon/],
	])("%j is refused", async (args, code, says) => {
		template(join(user.home, "templates"), "needs", "---\nvariables: { who: }\n---\n- [ ] Ask {{who}}\n");
		template(join(user.home, "templates"), "empty", "Nothing.\n");
		const ran = await user.run(["enqueue", ...args]);
		expect(ran).toMatchObject({ code, stderr: expect.stringMatching(says) });
		expect(ran.stderr.trim().split("\n")).toHaveLength(1);
	});

	test("in a batch file, which needs no prompt then", async () => {
		user.write("notes.md", "Read me.");
		const file = user.write(
			"tasks.yaml",
			"- { id: a, template: security-review, vars: { path: lib }, context: [notes.md], delay: 1h }\n",
		);
		await user.ok(["batch", file]);
		const task = await user.json(["status", "a"]);
		expect(task).toMatchObject({
			state: "queued",
			hold: { kind: "delayed" },
			prompt: "Do a security review of lib.",
		});
		expect(await user.ok(["status", "a"])).toMatch(/Waits until .* \(in 5[89]m.*\): it was to start later\./);
	});
});

test("--context: the agent is told to read the files; --delay: it starts later, and not before", async () => {
	user.write("notes.md", "Read me.");
	const asked = Date.now();
	await user.ok([
		"enqueue",
		"--id",
		"job",
		"--context",
		"notes.md",
		"--context",
		"/etc/hostname",
		"--delay",
		"2s",
		"Work",
	]);
	const done = await user.taskInState("job", "completed");
	expect(readFileSync(user.taskFile("job", "prompt.md"), "utf8")).toContain(
		'- "notes.md"\n- "/etc/hostname"',
	);
	expect(Date.parse((done as unknown as { startedAt: string }).startedAt) - asked).toBeGreaterThanOrEqual(
		2_000,
	);
});

test("run takes --timeout as enqueue --follow does: the same words, the same code, and the task goes on", async () => {
	const said = [];
	for (const [n, words] of [["run"], ["enqueue", "--follow"]].entries()) {
		const ran = await user.run([...words, "--id", `late-${n}`, "--delay", "1h", "--timeout", "0s", "x"]);
		said.push({ ...ran, stderr: ran.stderr.replaceAll(`late-${n}`, "late") });
		expect(await user.json(["status", `late-${n}`])).toMatchObject({ state: "queued" });
	}
	expect(said[0]).toMatchObject({
		code: 4,
		stderr: expect.stringMatching(/Timed out waiting.*The work goes on/),
	});
	expect(said[0]?.stderr).toBe(said[1]?.stderr);
});

test("--follow shows what the agent does and asks, until it has ended; a pipe that is closed ends it quietly", async () => {
	await userWith({ agent: "ten-line.sh" });
	const following = user.start(["enqueue", "--id", "job", "--follow", "Work"]);
	let seen = "";
	following.stdout?.on("data", (chunk: Buffer) => {
		seen += chunk.toString();
	});
	await expect
		.poll(() => seen)
		.toMatch(/Worker is asking: "Which colour\?" Answer with: dispatch answer job "…"\n/);
	await user.ok(["answer", "job", "Blue"]);
	await expect.poll(() => following.exitCode).toBe(0);
	expect(seen).toMatch(/`job` complete\..*\n$/);
	const late = await user.ok(["logs", "job", "--events"]);
	expect(late).toMatch(/asked 001 Which colour\?.*answered 001 by /s);
	const piped = user.start(["watch"]);
	piped.stdout?.destroy();
	await user.ok(["enqueue", "--id", "again", "Work"]);
	await expect.poll(() => piped.exitCode).toBe(0);
});

test("logs: lines, events, raw; ls --host; prune takes what is old enough, and nothing else", async () => {
	await user.ok(["enqueue", "--id", "job", "Work"]);
	await user.waitForState("job", "completed");
	expect(await user.ok(["logs", "job", "--since", "1h"])).toBe(await user.ok(["logs", "job"]));
	const events = await user.json<{ kind: string }[]>(["logs", "job", "--events"]);
	expect(events.map(({ kind }) => kind)).toEqual(["created", "started", "completed"]);
	expect(await user.ok(["logs", "job", "--events", "-f", "-n", "1"])).toMatch(
		/^\d{4}-\d\d-\d\d [\d:]{8} completed/,
	);
	expect(await user.run(["logs", "job", "--raw", "-f"])).toMatchObject({ code: 2 });
	expect(await user.json(["ls", "--host", "elsewhere"])).toEqual([]);
	expect(await user.ok(["prune"])).toBe("No task is older than 14d.\n");
	expect(await user.ok(["prune", "--older-than", "1ms", "--dry-run"])).toBe(
		"  job\nWould remove 1 task older than 1ms.\n",
	);
	expect(await user.json(["prune", "--older-than", "1ms", "--state", "failed"])).toMatchObject({
		removed: [],
	});
	await user.ok(["enqueue", "--id", "open", "--delay", "1h", "Work"]);
	expect(await user.json(["prune", "--older-than", "1ms"])).toEqual({ removed: ["job"], dryRun: false });
	expect((await user.json<{ id: string }[]>(["ls"])).map(({ id }) => id)).toEqual(["open"]);
});

test("logs --raw copies what every start printed, oldest first, byte for byte", async () => {
	await userWith({ agent: "prints-twice.sh" });
	await user.ok(["enqueue", "--id", "job", "--attempts", "2", "Work"]);
	expect(await user.taskInState("job", "completed")).toMatchObject({ epoch: 2 });
	expect(await user.ok(["logs", "job", "--raw"])).toBe(
		"start 1: a\tb \u001b[1mbold\u001b[0m\nstart 2: a\tb \u001b[1mbold\u001b[0m\n",
	);
});

test("logs --raw gives every byte that was printed, also NUL and what is no text", async () => {
	await userWith({ agent: "writes-bytes.sh" });
	const printed = Buffer.from([...Array(256).keys()].flatMap((byte) => [byte, 0, byte]));
	mkdirSync(join(user.project, "bytes"));
	writeFileSync(join(user.project, "bytes/log"), printed);
	writeFileSync(join(user.project, "bytes/code"), "1");
	await user.ok(["enqueue", "--id", "job", "--attempts", "1", "Work"]);
	await user.waitForState("job", "failed");
	const raw = user.start(["logs", "job", "--raw"]);
	if (raw.stdout === null) throw new Error("no stdout");
	expect((await buffer(raw.stdout)).equals(printed)).toBe(true);
});

test("up --restart: a new worker, the same agent; up --web: a link that answers, and that `web` prints, until down", async () => {
	await userWith({ agent: "busy.sh" });
	await user.ok(["enqueue", "--id", "job", "Work"]);
	await user.waitForState("job", "running");
	const before = await user.json<{ pid: number }>(["up"]);
	const after = await user.json<{ pid: number; started: boolean; web: string }>(["up", "--restart", "--web"]);
	expect(after.started && after.pid !== before.pid).toBe(true);
	expect((await user.json<{ web: string }>(["up", "--web"])).web).toBe(after.web);
	expect((await fetch(after.web, { redirect: "manual" })).status).toBeLessThan(400);
	expect(await user.json(["web"])).toEqual({ url: after.web });
	expect(await user.ok(["web"])).toContain("runs in the background since `dispatch up --web`");
	expect(await user.json(["status", "job"])).toMatchObject({ state: "running", epoch: 1 });
	await user.ok(["cancel", "job"]);
	await user.waitForState("job", "cancelled");
	expect(await user.ok(["down"])).toContain("The web view is stopped.");
	await expect(fetch(after.web)).rejects.toThrow();
});

test("a second `dispatch web` beside one in a terminal gives its link, and says how that ends", async () => {
	await userWith({ agent: "busy.sh" });
	const first = user.start(["web", "--port", "0", "--json"]);
	const closed = once(first, "close");
	try {
		await expect
			.poll(() => existsSync(join(user.home, "web.json")), { timeout: CONDITION_LIMIT_MS })
			.toBe(true);
		const { url } = await user.json<{ url: string }>(["web"]);
		expect((await fetch(url, { redirect: "manual" })).status).toBeLessThan(400);
		expect(await user.ok(["web"])).toContain(
			`the \`dispatch web\` of process ${first.pid}: Ctrl-C in its terminal`,
		);
		await user.ok(["down"]);
		expect(first.exitCode).toBeNull();
	} finally {
		first.kill("SIGINT");
		await closed;
	}
	expect(existsSync(join(user.home, "web.json"))).toBe(false);
});
