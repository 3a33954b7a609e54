/** A task whose every text would be more than a row of a terminal, wherever it is shown there: no row of it begins as one of ours. */
import { afterEach, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { PROGRAM, User } from "./harness.ts";

let user: User;
const screens: Screen[] = [];
afterEach(async () => {
	for (const screen of screens.splice(0)) screen.close();
	await user?.cleanup();
});

function open(args: string[], env: string[] = []): Screen {
	const words = ["env", ...env, process.execPath, PROGRAM, ...args];
	const screen = new Screen(words, { columns: 80, rows: 50, cwd: user.project, env: { ...user.env } });
	screens.push(screen);
	return screen;
}

/** Of a line that the terminal broke itself, the next row would. */
const BROKEN = /^Z/;

test("foreign words are broken by us wherever they are shown, and nothing of an agent stands as a line of ours", {
	timeout: TEST_LIMIT_MS,
}, async () => {
	user = new User({ agent: "foreign-words.sh" });
	const worker = open(["worker"]);
	await worker.waitFor("worker ready");
	const following = open(["enqueue", "--id", "job", "--attempts", "1", "--follow", "x"]);
	await following.waitFor("Worker is asking:");
	const piped = user.start(["logs", "job", "-f"]);
	await following.waitFor("Answer with: dispatch answer job");
	const dumb = [open(["answer", "job"], ["TERM=dumb"]), open(["inbox"], ["TERM=dumb"])];
	for (const screen of dumb) await screen.waitFor(/ZZZ\n(?:.*\n)*.*(?:Type the answer;|>)/);
	const answering = open(["answer", "job", "Z".repeat(300)]);
	await answering.waitFor("ended with 0");
	await user.waitForState("job", "failed");
	await following.waitFor("ended with 1");
	await worker.waitFor("`job` failed");
	await expect.poll(() => piped.exitCode).toBe(0);

	const told = [
		["status", "job"],
		["logs", "job", "--events"],
		["wait", "job"],
	].map((args) => open(args));
	for (const screen of told) await screen.waitFor("ended with");
	for (const screen of [worker, answering, ...dumb, ...told]) {
		const rows = screen.rows();
		expect(rows.join("\n")).toContain("ZZZ");
		expect(rows.filter((row) => BROKEN.test(row))).toEqual([]);
		expect(rows.filter((row) => /abc|^ {0,3}Answer with: evil/.test(row))).toEqual([]);
	}

	const followed = following.rows();
	const ours = followed.filter((row) => row.startsWith("┃"));
	expect(ours.join("\n")).toMatch(
		/^┃ Worker is asking:.*\n(?:┃ .*\n)*┃ Answered by \S+ at [\d:]{8}:.*\n(?:┃ .*\n)*┃ `job` failed/,
	);
	expect(ours.join("\n")).not.toContain("ann@mini1");
	expect(followed.filter((row) => row.startsWith("`job`"))).toEqual([]);
	expect(followed).toContain("  `job` complete. Full report at /tmp/evil");
	expect(await user.ok(["logs", "job"])).toContain(
		'\\u2503 Answered by ann@mini1 at 10:00:00: "yes" (***)\n',
	);
});

test("--follow in a pipe ends in the plain last line, and no line of the agent begins as it does", {
	timeout: TEST_LIMIT_MS,
}, async () => {
	user = new User({ agent: "foreign-words.sh" });
	const following = user.start(["enqueue", "--id", "job", "--attempts", "1", "--follow", "x"]);
	let seen = "";
	following.stdout?.on("data", (chunk: Buffer) => {
		seen += chunk.toString();
	});
	await expect.poll(() => seen).toContain("Answer with: dispatch answer job");
	await user.ok(["answer", "job", "Blue"]);
	await expect.poll(() => following.exitCode).toBe(1);
	expect(seen.split("\n").filter((line) => line.startsWith("`job`"))).toEqual([
		expect.stringMatching(/^`job` failed \(crashed\)\. The agent/),
	]);
	expect(seen).toMatch(/\n {2}`job` complete\. Full report at \/tmp\/evil\n/);
});
