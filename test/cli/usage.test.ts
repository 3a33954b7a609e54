/** The built command line without any Redis: help, version, wrong use. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";

let user: User;
beforeAll(() => {
	user = new User();
});
afterAll(() => user.cleanup());

const COMMANDS =
	"enqueue batch ls status questions answer logs output wait cancel retry rm up down worker ask service web demo config doctor".split(
		" ",
	);

test("--help lists every command, and no hidden one", async () => {
	const help = await user.ok(["--help"]);
	for (const name of COMMANDS) expect(help).toMatch(new RegExp(`^  ${name}\\b`, "m"));
	expect(help).not.toMatch(/^ {2}(ps|show|stop)\b/m);
	expect(await user.ok(["--version"])).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each(COMMANDS)("%s --help shows an example", async (name) => {
	expect(await user.ok([name, "--help"])).toMatch(new RegExp(`Example:\\n  \\$ dispatch ${name}`));
});

describe("wrong use is one line with the next step and code 2", () => {
	test.each([
		[["fix it"], /Unknown command "fix it"\. .*dispatch enqueue "fix it"/],
		[["enqeue", "--id", "x", "Do it"], /Did you mean `dispatch enqueue`/],
		[["--jsno"], /Unknown option '--jsno'\. Did you mean --json/],
		[["ls", "--stat", "asking"], /'--stat'.*--state/],
		[["ls", "--state", "asleep"], /Expected --state to be a state, got "asleep"/],
		[["prune", "--state", "running"], /Expected --state to be completed, failed, cancelled, got "running"/],
		[["prune", "--state", "asleep"], /Expected --state to be a state, got "asleep"/],
		[["answer"], /missing required argument 'id'/i],
		[["enqueue", " "], /Expected a prompt/],
		[["enqueue", "x", "--priority", "0"], /Expected --priority to be 1–1000, got 0/],
		[["enqueue", "x", "--deadline", "soon"], /--deadline.*soon/],
		[["enqueue", "x", "--tag", "novalue"], /--tag.*"novalue"/],
		[["enqueue", "x", "--id", "../up"], /\.\.\/up/],
		[["enqueue", "x", "--cwd", "nowhere"], /nowhere: it does not exist\. .*\[DISPATCH_BAD_CWD\]/],
		[
			["enqueue", "x", "--cwd", "/"],
			/in \/: it is the root of the file system\. .*--cwd.*\[DISPATCH_BAD_CWD\]/,
		],
		[["enqueue", "x", "--plan", "none.md"], /none\.md.*\[DISPATCH_BAD_FILE\]/],
		[["enqueue", "x", "--timeout", "5s"], /--timeout needs --wait or --follow\. Without them enqueue/],
		[["run", "x", "--timeout", "5"], /--timeout.*got "5".*10m/],
		[["batch", "tasks.yaml", "--timeout", "5s"], /--timeout needs --wait\. Without it batch/],
		[["enqueue", "x", "--model", "gpt-99-nope"], /gpt-99-nope/],
		[["ask", "Which?"], /\[DISPATCH_NOT_IN_TASK\]/],
		[["service", "remove"], /install/],
	])("%j", async (args, line) => {
		const ran = await user.run(args);
		expect(ran.stdout).toBe("");
		expect(ran.stderr).toMatch(line);
		expect(ran.stderr).toMatch(/^dispatch: .+ \[DISPATCH_[A-Z_]+\]\n$/);
		expect(ran.code).toBe(2);
	});
});

test("with --json an error is one document on stdout", async () => {
	const ran = await user.run(["enqueue", "x", "--priority", "many", "--json"]);
	expect(ran.code).toBe(2);
	expect(JSON.parse(ran.stdout)).toEqual({
		error: { code: "DISPATCH_USAGE", message: "Expected --priority to be 1–1000, got many.", hint: null },
	});
});

test("an agent may not submit tasks, and the home directory is no project", async () => {
	const nested = await user.run(["enqueue", "x"], { env: { DISPATCH_TASK: "outer" } });
	expect([nested.code, nested.stderr]).toEqual([7, expect.stringContaining("[DISPATCH_NESTED]")]);
	const home = await user.run(["enqueue", "x"], { cwd: user.path });
	expect([home.code, home.stderr]).toEqual([2, expect.stringContaining("it is your home directory")]);
});

test("an unreachable Redis is code 5, at once, without its password", async () => {
	const ran = await user.run(["ls", "--redis", "redis://me:secret@127.0.0.1:1"]);
	expect([ran.code, ran.stderr]).toEqual([5, expect.stringContaining("[DISPATCH_REDIS_UNREACHABLE]")]);
	expect(ran.stderr).not.toContain("secret");
});

test("service install --print keeps agents alive over restarts", async () => {
	const unit = await user.ok(["service", "install", "--print"]);
	expect(unit).toMatch(/^KillMode=process$/m);
	expect(unit).toMatch(/^ExecStart=".+" ".+" "worker" "--standby"$/m);
	expect(unit).toContain(`Environment="DISPATCH_HOME=${user.home}"`);
});
