/** What commands of another address than the usual one print as the next step leads there, wherever it is printed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Screen } from "../cli/tmux.ts";
import { CONDITION_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { PROGRAM, User } from "./harness.ts";
import { pagesOf, webPages } from "./web-pages.ts";

const LIMIT = { timeout: CONDITION_LIMIT_MS, interval: 100 };
const SIZE = { columns: 160, rows: 50 };

let user: User;
let redis: TestRedis;
let told: string;

beforeAll(async () => {
	redis = await startTestRedis({ port: true });
	user = new User();
	told = `dispatch: Commands shown here need it too: --redis ${redis.url}`;
	await there(["enqueue", "--id", "asks", "x"]);
	await there(["wait", "asks", "--for", "question"], 3);
}, 4 * CONDITION_LIMIT_MS);

afterAll(async () => {
	await user?.cleanup();
	await redis?.stop();
});

/** At the other address, for this command alone. */
function there(args: readonly string[], code = 0): Promise<string> {
	return user.ok([...args, "--redis", redis.url], { code });
}

let made = 0;

/** `ID`: one that is new. */
function wordsOf(line: string): string[] {
	const words = line.split(" ").map((word) => (word === "ID" ? `new-${++made}` : word));
	return [...words, "--redis", redis.url];
}

const timesIn = (text: string) => text.split("Commands shown here need it too").length - 1;

/** They print a command, in a result or an error. */
const ENDING = [
	"status",
	"status asks",
	"questions",
	"ls",
	"logs asks",
	"output asks",
	"status nowhere",
	"answer asks Red --seq 9",
	"wait asks --timeout 1ms",
];
/** They go on, and print a command meanwhile. */
const GOING_ON = ["logs asks -f", "wait asks", "run --id ID x", "enqueue --wait --id ID x"];

describe("which address the printed commands need", () => {
	test.each(ENDING)("%s, in a pipe: told once on stderr, nothing on stdout", async (line) => {
		const { stdout, stderr } = await user.run(wordsOf(line));
		expect(`${stdout}${stderr}`).toMatch(/\bdispatch [a-z]+/);
		expect(stderr.split("\n")).toContain(told);
		expect(timesIn(stderr)).toBe(1);
		expect(timesIn(stdout)).toBe(0);
	});

	test.each(ENDING)("%s: not with --json, nor with --quiet", async (line) => {
		for (const mode of ["--json", "--quiet"]) {
			const { stdout, stderr } = await user.run([...wordsOf(line), mode]);
			expect(timesIn(stdout + stderr), mode).toBe(0);
		}
	});

	test.each(ENDING)("%s, on a terminal: told once", async (line) => {
		const screen = screenOf(line);
		try {
			await screen.waitFor(/^ended with \d+$/m);
			expect(timesIn(screen.everything())).toBe(1);
			expect(screen.everything()).toContain(told);
		} finally {
			screen.close();
		}
	});

	test.each(GOING_ON)("%s, in a pipe: told while it goes on", async (line) => {
		const command = user.start(wordsOf(line));
		let stdout = "";
		let stderr = "";
		command.stdout?.on("data", (chunk) => {
			stdout += chunk;
		});
		command.stderr?.on("data", (chunk) => {
			stderr += chunk;
		});
		try {
			await expect.poll(() => stderr, LIMIT).toContain(told);
			await expect.poll(() => stdout, LIMIT).toContain("dispatch answer ");
			expect(command.exitCode).toBe(null);
			expect(timesIn(stderr)).toBe(1);
			expect(timesIn(stdout)).toBe(0);
		} finally {
			command.kill("SIGKILL");
		}
	});

	test.each(GOING_ON)("%s, on a terminal: told while it goes on", async (line) => {
		const screen = screenOf(line);
		try {
			await screen.waitFor(told);
			await screen.waitFor("dispatch answer ");
			expect(screen.text()).not.toContain("ended with");
			expect(timesIn(screen.everything())).toBe(1);
		} finally {
			screen.close();
		}
	});

	test("nobody is told where the same command without it is for that address", async () => {
		const env = { DISPATCH_REDIS_URL: redis.url };
		for (const args of [["status"], ["status", "--redis", redis.url], ["status", "nowhere"]]) {
			const { stdout, stderr } = await user.run(args, { env });
			expect(timesIn(stdout + stderr), args.join(" ")).toBe(0);
		}
	});
});

test("a task that is not there: the error names the address that another worker of the user serves", async () => {
	const served = `serves ${redis.url}/0: \`dispatch ls --all --redis ${redis.url}/0\``;
	for (const line of ["status asks", "logs asks", "cancel asks", "answer asks Red", "status nowhere"]) {
		const { code, stderr } = await user.run(line.split(" "));
		expect(code, line).toBe(6);
		expect(stderr, line).toContain(served);
	}
	const { stderr } = await user.run(wordsOf("status nowhere"));
	expect(stderr).toContain("There is no task");
	expect(stderr).not.toContain("Another worker");
});

test("a page of `web` shows the whole command, in the foreground and beside the worker", async () => {
	const command = `dispatch answer asks &quot;…&quot; --redis ${redis.url}<`;
	const paths = ["/", "/task/asks"];
	const background = JSON.parse(await there(["up", "--web", "--json"])) as { web: string };
	const pages = [
		...(await webPages(user, paths, ["--redis", redis.url])),
		...(await pagesOf(background.web, paths)),
	];
	expect(pages).toHaveLength(4);
	for (const page of pages) expect(page).toContain(command);
});

function screenOf(line: string): Screen {
	const words = [process.execPath, PROGRAM, ...wordsOf(line)];
	return new Screen(words, { ...SIZE, cwd: user.project, env: user.env });
}
