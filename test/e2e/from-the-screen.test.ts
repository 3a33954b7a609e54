/**
 * From the screen alone: whatever is typed here, but for the first line, dispatch has printed before. A hint that is
 * missing, or leads nowhere, fails the story that it belongs to.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Shell } from "../cli/shell.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { User } from "./harness.ts";

const AGENTS = resolve(import.meta.dirname, "../fixtures/agents");
const REPORTER = join(AGENTS, "writes-report.sh");
/** Longer than a test lasts. */
const HELD_S = 3_600;
const THREE = ["First line", "second: 漢字", 'third, with "quotes"'];
/** What `asks-two-at-once.sh` reports when the second option is taken, and then three lines are said. */
const BOTH = `Which database? sqlite\nWhich port? ${THREE.join("\n")}\n`;

let user: User;
let shell: Shell | undefined;
let redis: TestRedis | undefined;
afterEach(async () => {
	shell?.close();
	shell = undefined;
	await user.cleanup();
	await redis?.stop();
	redis = undefined;
});

function shellOf(): Shell {
	shell = new Shell(user);
	return shell;
}

test("a second backend is set up while the worker runs, and used", async () => {
	user = new User();
	await user.ok(["up"]);
	const pid = user.daemonPid();
	const shell = shellOf();
	await shell.first("dispatch");
	await shell.type("dispatch --help");
	await shell.type("dispatch COMMAND --help", { COMMAND: "config" });
	await shell.type('dispatch config add-backend mine --command "./agent.sh"', {
		mine: "second",
		"./agent.sh": REPORTER,
	});
	const sent = await shell.type('dispatch enqueue --model second "…"', { "…": "Review the door" });
	expect(sent).toContain("Dispatched `review-door` using second");
	await user.waitForState("review-door", "completed");
	await shell.type("dispatch status review-door");
	expect(await shell.type("dispatch output review-door")).toContain("Nothing was found.");
	expect(user.daemonPid()).toBe(pid);
});

test("to a shared Redis and back: each shows its tasks and names the other's worker; none is lost", async () => {
	redis = await startTestRedis({ port: true });
	user = new User();
	await user.ok(["enqueue", "--id", "ours", "x"]);
	await user.waitForState("ours", "asking");
	const pid = user.daemonPid();
	const shell = shellOf();
	await shell.first("dispatch --help");
	await shell.type("dispatch help topics");
	await shell.type("dispatch help TOPIC", { TOPIC: "redis" });
	await shell.type("export DISPATCH_REDIS_URL=redis://user:password@host:6379", {
		"redis://user:password@host:6379": redis.url,
	});
	const there = await shell.type("dispatch status");
	expect(there).toContain("No tasks yet.");
	expect(there).toContain(`(pid ${pid}) serves`);
	await shell.type('dispatch enqueue "Review the login code"');
	const env = { DISPATCH_REDIS_URL: redis.url };
	await user.ok(["wait", "review-login-code", "--for", "question"], { env, code: 3 });
	const shared = await shell.type("dispatch status");
	expect(shared).toContain("The worker is up.");
	expect(shared).toContain("review-login-code asks:");
	expect(shared).not.toContain("ours asks");
	const aside = await shell.type("dispatch status --redis local");
	expect(aside).toContain("ours asks:");
	await shell.type("unset DISPATCH_REDIS_URL");
	const back = await shell.type("dispatch status");
	expect(back).toContain("The worker is up.");
	expect(back).toContain("ours asks:");
	expect(back).not.toContain("review-login-code");
	expect(user.daemonPid()).toBe(pid);
	const other = await shell.type(`dispatch status --redis ${redis.url}`);
	expect(other).toContain("review-login-code asks:");
	// What is printed of another address would be for the usual one.
	expect(other).toContain(`Commands shown here need it too: --redis ${redis.url}`);
	const wrong = { '"…"': `"Red" --seq 9 --redis ${redis.url}` };
	const refused = await shell.type('dispatch answer review-login-code "…"', wrong);
	expect(refused).toContain("DISPATCH_NO_QUESTION");
	expect(refused).toContain(`Commands shown here need it too: --redis ${redis.url}`);
	await shell.type('dispatch answer review-login-code "…"', { '"…"': `"Red" --redis ${redis.url}` });
	await user.ok(["wait", "review-login-code"], { env });
	await shell.type('dispatch answer ours "…"', { "…": "Blue" });
	await user.waitForState("ours", "completed");
});

test("answers from watch, inbox, status and logs -f: an option by its number, and three lines of text", async () => {
	user = new User({ agent: "asks-two-at-once.sh" });
	const asking = async (id: string) => {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "asking");
	};
	const reported = async (id: string) => {
		await user.waitForState(id, "completed");
		expect(readFileSync(user.taskFile(id, "output.md"), "utf8")).toBe(BOTH);
	};
	const shell = shellOf();
	const { screen } = shell;
	await shell.first("dispatch --help");
	await shell.type("dispatch help topics");
	await shell.type("dispatch help TOPIC", { TOPIC: "start" });
	await shell.type("dispatch help TOPIC", { TOPIC: "questions" });

	await asking("by-watch");
	await shell.open("dispatch watch", "›by-watch");
	await shell.press("a answer", "a");
	await screen.waitFor("by-watch asks (001)");
	screen.type("2");
	await shell.press("Enter send", "Enter");
	await screen.waitFor('Answer sent to by-watch: "sqlite" (option 2).');
	await shell.press("a answer", "a");
	await screen.waitFor("by-watch asks (002)");
	screen.paste(THREE.join("\n"));
	await screen.waitFor('third, with "quotes"');
	await shell.press("Enter send", "Enter");
	await screen.waitFor("Answer sent to by-watch.");
	await shell.press("q quit", "q");
	await shell.closed();
	await reported("by-watch");

	await asking("by-inbox");
	await shell.open("dispatch inbox", "by-inbox asks (001)");
	screen.type("2");
	await shell.press("Enter send", "Enter");
	await screen.waitFor("by-inbox asks (002)");
	await screen.waitFor("Enter send");
	screen.paste(THREE.join("\n"));
	await screen.waitFor('third, with "quotes"');
	await shell.press("Enter send", "Enter");
	await screen.waitFor("No open questions.");
	await shell.press("q quit", "q");
	await shell.closed();
	await reported("by-inbox");

	await asking("by-status");
	await shell.type("dispatch status");
	expect(await shell.type('dispatch answer by-status --seq 1 "…"', { "…": "2" })).toContain(
		'Answer sent: "sqlite" (option 2).',
	);
	await shell.type("dispatch questions");
	await shell.open("dispatch answer ID -", "answer by-status -", { ID: "by-status" });
	screen.paste(`${THREE.join("\n")}\n`);
	screen.keys("C-d");
	expect(await shell.closed()).toContain("Answer sent");
	await reported("by-status");

	await asking("by-logs");
	await shell.type("dispatch COMMAND --help", { COMMAND: "logs" });
	await shell.open("dispatch logs review-login-code -f -n 20", /Answer with: .*--seq 1/, {
		"review-login-code": "by-logs",
	});
	screen.keys("C-c");
	await shell.closed();
	await shell.type('dispatch answer by-logs --seq 1 "…"', { "…": "2" });
	// As it is printed it asks, and takes a paste whole.
	await shell.open('dispatch answer by-logs --seq 2 "…"', "by-logs asks (002)");
	screen.paste(THREE.join("\n"));
	await screen.waitFor('third, with "quotes"');
	screen.keys("Enter");
	expect(await shell.closed()).toContain("Answer sent");
	await reported("by-logs");
});

/** As claude says it with a subscription. */
const LIMITED = `#!/bin/sh
printf '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%s}}\\n' $(($(date +%s) + ${HELD_S}))
echo '{"type":"result","subtype":"success","is_error":true,"result":"Limit","api_error_status":429}'
exit 1
`;

test("five reasons why a task waits, and what helps, are read off `dispatch status`", async () => {
	user = new User({ env: { DISPATCH_MAX_BACKOFF_MS: `${HELD_S}000` } });
	const limited = user.write("../claude", LIMITED, 0o755);
	const agent = (name: string) => join(AGENTS, name);
	const lines = [
		"default: asks",
		"backends:",
		`  claude: { type: claude, command: "${limited}" }`,
		`  asks: { type: command, command: "${agent("ten-line.sh")}" }`,
		`  busy: { type: command, command: "${agent("busy.sh")}" }`,
		"models: { sonnet: { backend: claude }, busy: { backend: busy }, asks: { backend: asks } }",
		"worker: { concurrency: 1, max_agents: 2 }",
	];
	writeFileSync(join(user.home, "config.yaml"), `${lines.join("\n")}\n`);
	const submit = (id: string, model: string, ...more: string[]) =>
		user.ok(["enqueue", "--id", id, "--model", model, ...more, "x"]);
	const shell = shellOf();
	await shell.first("dispatch --help");

	await submit("limited", "sonnet");
	await expect.poll(async () => (await user.json(["status", "limited"])).hold?.kind).toBe("rate_limited");
	await submit("later", "asks", "--delay", "1h");
	await submit("first", "busy");
	await user.waitForState("first", "running");
	await submit("next", "asks");
	const seen = await shell.type("dispatch status");
	expect(seen).toMatch(/1 waits\b.* rate limit.* until \d\d:\d\d.*\n +limited$/m);
	expect(seen).toMatch(/1 waits\b.* until \d\d:\d\d.* later.*\n +later$/m);
	expect(seen).toMatch(/1 waits for a place: 1 of 1 agents work \(worker\.concurrency\)\.\n +next$/m);

	// Both of the agents that may live do: one of them works, the other one asks.
	writeFileSync(user.taskFile("first", "enough"), "");
	await user.waitForState("next", "asking");
	await submit("second", "busy");
	await user.waitForState("second", "running");
	await submit("last", "asks");
	expect(await shell.type("dispatch status")).toMatch(
		/1 waits for a place: 2 of 2 agents live .*, and 1 answer is due: dispatch questions\n +last$/m,
	);
	await shell.type("dispatch questions");
	await shell.type('dispatch answer next "…"', { "…": "Blue" });
	await user.waitForState("next", "completed");

	const pid = user.daemonPid() ?? 0;
	process.kill(pid, "SIGSTOP");
	expect(await shell.type("dispatch status")).toMatch(/1 waits\b.* worker is stopped.*\n +last$/m);
	await shell.type(`kill -CONT ${pid}`);
	expect(await shell.type("dispatch status")).toMatch(/1 waits for a place: 1 of 1 agents work.*\n +last$/m);
});

const HAVE_A_KEY = `#!/bin/sh
d=$DISPATCH_TASK_DIR
if [ -e key ]; then echo 'Migrated.' >"$d/output.md"; printf -- '- [x] Migrate\n' >"$d/plan.md"; : >"$d/ipc/.done"
else printf -- '- [!] Migrate\n  There is no file named key.\n' >"$d/plan.md"; fi
`;

test("what failed is retried: why, and the command, stand where one looks first", async () => {
	user = new User();
	const agent = user.write("../migrates.sh", HAVE_A_KEY, 0o755);
	writeFileSync(
		join(user.home, "config.yaml"),
		`default: m\nbackends: { m: { type: command, command: "${agent}" } }\n`,
	);
	for (const id of ["users", "orders"]) {
		await user.ok(["enqueue", "--id", id, "x"]);
		await user.waitForState(id, "failed");
	}
	const shell = shellOf();
	const seen = await shell.first("dispatch");
	expect(seen).toMatch(/^orders +failed .*There is no file named key/m);
	await shell.type("dispatch status orders");
	user.write("key", "");
	await shell.open("dispatch retry --failed", "Retry 2 tasks?");
	shell.screen.type("y");
	const said = await shell.closed();
	for (const id of ["users", "orders"]) {
		expect(said).toContain(`\`${id}\` starts again`);
		await user.waitForState(id, "completed");
	}
	await shell.type("dispatch status orders");
	expect(await shell.type("dispatch output orders")).toContain("Migrated.");
});
