/**
 * Whatever stands in Redis, what a command prints steers no terminal, is no command to a CI runner, and forges no line;
 * ids for a script are ids. Over all commands, in all forms.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { openStore } from "../../src/queue/records/open.ts";
import type { Store } from "../../src/queue/records/store.ts";
import { ID_FORM } from "../../src/task/id.ts";
import { User } from "../e2e/harness.ts";
import { visibleCommands } from "../house/cli-page.ts";
import { TEST_LIMIT_MS } from "../patience.ts";
import { startTestRedis, type TestRedis } from "../redis.ts";
import { commandsIn } from "../runner-commands.ts";
import { Commands, ENDED, fill, HOST, HOSTILE, type Printed, poison } from "./foreign-texts-stage.ts";

let redis: TestRedis;
let user: User;
let store: Store;
let commands: Commands;
let snapshot: Map<string, Buffer>;
let places: number;

beforeAll(async () => {
	redis = await startTestRedis({ settings: ["--save", "", "--appendonly", "no"] });
	user = new User({ redis: redis.url, env: { DISPATCH_HOST_ID: "own", GITHUB_ACTIONS: "true", CI: "true" } });
	user.write("tasks.yaml", "- { id: batched, prompt: Work, delay: 1h }\n");
	// The worker that a command would start.
	await user.ok(["batch", "tasks.yaml", "--key", "nightly"]);
	store = await openStore({ target: redis.target, namespace: "default", role: "command" });
	await fill(store);
	places = await poison(store);
	snapshot = new Map();
	for (const key of await store.client.keys("{dispatch:default}:*"))
		snapshot.set(key, (await store.client.dumpBuffer(key)) as Buffer);
	commands = new Commands(user.env, user.project);
}, TEST_LIMIT_MS);
afterAll(async () => {
	await commands?.end();
	await store?.close();
	await user?.cleanup();
	await redis?.stop();
});

async function restore(): Promise<void> {
	const pipeline = store.client.pipeline();
	for (const [key, dump] of snapshot) pipeline.restore(key, 0, dump, "REPLACE");
	await pipeline.exec();
}

const IDS = ["running", "asking", ...ENDED, "queued", "waiting"];
const eachTask = (...args: string[]) => IDS.map((id) => [id, ...args]);
const BATCHES = ["nightly", HOSTILE, "--", "completed x"];

/** How each is called; every way also with --quiet and with --json. */
const CALLS: Record<string, string[][]> = {
	enqueue: [
		["--id", "new", "--delay", "1h", "Work"],
		["--key", "k", "Work"],
		["--after", "nothing", "Work"],
	],
	run: [["--id", "new", "--delay", "1h", "--timeout", "0s", "Work"]],
	status: [[], ...eachTask(), [HOSTILE]],
	ls: [[], ["--all"], ["--all", "--columns", "id,state,host,owner,what"], ["--state", "asking"]],
	questions: [[]],
	answer: [
		["asking", "yes"],
		["parked", "yes"],
		["queued", "yes"],
		["asking,parked", "yes"],
	],
	logs: [
		...eachTask(),
		...eachTask("--events"),
		["completed", "--follow"],
		["failed", "--follow", "-n", "0"],
	],
	output: eachTask(),
	wait: [
		...eachTask("--timeout", "0s"),
		["--timeout", "0s"],
		["--any", "--timeout", "0s"],
		["--for", "question", "--timeout", "0s"],
	],
	note: eachTask("A word"),
	// Whoever lives on a host that is away is waited for.
	cancel: [...ENDED.map((id) => [id]), ["queued"], [HOSTILE], ["--any-host", "--state", "queued", "--yes"]],
	retry: [
		...eachTask(),
		["--failed", "--any-host", "--yes"],
		["failed", "--here"],
		["failed", "--here", "--yes"],
	],
	diff: [["completed"]],
	apply: [["completed"]],
	rm: [...eachTask(), [HOSTILE], ["--any-host", "--yes"]],
	prune: [["--older-than", "0s", "--yes"]],
	batch: [
		["tasks.yaml", "--key", "nightly"],
		["tasks.yaml", "--key", "nightly", "--wait", "--timeout", "0s"],
		["tasks.yaml", "--key", "nightly", "--rerun", "failed"],
	],
	"batch ls": [[], ["--all"]],
	"batch status": BATCHES.map((id) => [id]),
	"batch cancel": BATCHES.map((id) => [id]),
	"batch retry": BATCHES.map((id) => [id]),
	"batch wait": BATCHES.map((id) => [id, "--timeout", "0s"]),
	hosts: [[]],
	"hosts drain": [[HOST]],
	"hosts resume": [[HOST]],
	"hosts rm": [[HOST]],
	doctor: [[]],
	notify: [[]],
	up: [[]],
	completion: [["bash"]],
	complete: ["status", "answer", "cancel", "rm", "retry"].map((name) => ["--", name, ""]),
};

/** What these print is neither of Redis nor of an agent, or is tried elsewhere. */
const ELSEWHERE: Record<string, string> = {
	inbox: "test/cli/screens.test.ts",
	watch: "test/cli/screens.test.ts",
	templates: "files of the user's",
	"templates copy": "files of the user's",
	down: "ends the worker",
	worker: "stays in the foreground",
	service: "a unit of systemd",
	web: "test/web/hostile.test.ts",
	config: "the user's config",
	skill: "a text of ours",
	mcp: "test/mcp/mcp.test.ts",
	demo: "an agent of ours",
	ask: "inside a task only",
};

const program = buildProgram({ env: {}, done: () => {} });
const NAMES = visibleCommands(program).flatMap((command) => [
	command.name(),
	...visibleCommands(command).map((sub) => `${command.name()} ${sub.name()}`),
]);

test("every command is tried here, or it is said where", () => {
	const known = new Set([...Object.keys(CALLS), ...Object.keys(ELSEWHERE)]);
	const isKnown = (name: string) => known.has(name) || (name.split(" ")[0] ?? "") in ELSEWHERE;
	expect(NAMES.filter((name) => !isKnown(name))).toEqual([]);
	expect(places).toBeGreaterThan(100);
});

const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
const COLORS = /\x1b\[(?:0|1|2|22|3[1-69]|90)m/g;
/** A progress line, before it is replaced. */
const ERASED = /\r\x1b\[K|\r\x1b\[\d+A\x1b\[J/g;
const NO_JSON = ["completion", "complete"];
/** A runner's log shows colours. */
const COLORED = ["batch", "batch wait"];
/** What an agent says may be in lines of its own. */
const AGENTS_LINES = ["logs", "output", "complete"];

function faultsOf(name: string, { stdout, stderr }: Printed, form: string): string[] {
	const both = { stdout, stderr };
	return Object.entries(both).flatMap(([stream, printed]) => {
		const isColored = form === "terminal" || COLORED.includes(name);
		const text = isColored ? printed.replace(ERASED, "").replace(COLORS, "") : printed;
		const lines = text.split("\n");
		return [
			CONTROLS.test(text) ? `${stream} steers a terminal: ${JSON.stringify(text)}` : null,
			form === "terminal" ||
			commandsIn(text.replace(/^::(?:group|endgroup|error title).*/gm, "")).length === 0
				? null
				: `${stream} is a command to a runner: ${JSON.stringify(text)}`,
			AGENTS_LINES.includes(name) || !lines.some((line) => /^\s?:? ?:(?:error|warning)::/.test(line))
				? null
				: `${stream} has a line that is not ours: ${JSON.stringify(text)}`,
		].filter((fault) => fault !== null);
	});
}

/** Options that a command has of its own. */
const formsOf = (name: string): [string, string[]][] => {
	const command = name
		.split(" ")
		.reduce((at, word) => at.commands.find((each) => each.name() === word) ?? at, program);
	const hasDryRun = command.options.some(({ long }) => long === "--dry-run");
	return [
		["plain", []],
		["quiet", ["--quiet"]],
		["json", ["--json"]],
		["terminal", []],
		...(hasDryRun
			? ([
					["dry", ["--dry-run"]],
					["dry quiet", ["--dry-run", "--quiet"]],
				] as [string, string[]][])
			: []),
	];
};

/** Of the lists that are there for scripts. */
const QUIET_IDS = ["enqueue", "ls", "batch", "batch ls", "batch status", "prune", "rm", "hosts"];

test.each(Object.entries(CALLS))(
	"%s prints nothing of it raw",
	async (name, calls) => {
		const faults: string[] = [];
		for (const call of calls)
			for (const [form, options] of formsOf(name)) {
				await restore();
				const args = [...options, ...name.split(" "), ...call];
				const printed = await commands.run(args, form === "terminal");
				const found = faultsOf(name, printed, form);
				if (form.endsWith("quiet") && QUIET_IDS.includes(name))
					for (const line of printed.stdout.split("\n").slice(0, -1))
						if (!ID_FORM.test(line)) found.push(`${JSON.stringify(line)} is no id`);
				if (form === "json" && !NO_JSON.includes(name))
					for (const line of printed.stdout.split("\n").slice(0, -1)) JSON.parse(line);
				if (printed.stderr.includes("DISPATCH_INTERNAL")) found.push(printed.stderr);
				faults.push(...found.map((fault) => `${JSON.stringify(args)}: ${fault}`));
			}
		expect(faults).toEqual([]);
	},
	TEST_LIMIT_MS,
);
