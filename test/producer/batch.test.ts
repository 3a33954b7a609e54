import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fillTemplate, findTemplate } from "../../src/config/templates.ts";
import { BATCH_KEYS } from "../../src/producer/batch/schema.ts";
import { type BatchOptions, parseBatch } from "../../src/producer/batch.ts";

const OPTIONS: BatchOptions = {
	file: "/jobs/batch/tasks.yaml",
	key: null,
	unattended: false,
	createdBy: "tester@here",
	readText: (path) => `- [ ] from ${path}\n`,
	fillTemplate: (name, project, values) =>
		fillTemplate(findTemplate({ project, home: "/nowhere" }, name), values),
};

const parse = async (text: string, options: Partial<BatchOptions> = {}) =>
	(await parseBatch(text, { ...OPTIONS, ...options })).entries;

test("reads a list or `tasks:`, in YAML or JSON", async () => {
	const yaml = await parse(
		"tasks:\n  - prompt: Review\n    id: review\n    cwd: sub\n    deadline: 10m\n    tags: { n: 1 }\n    plan: plan.md\n",
	);
	expect(yaml).toMatchObject([
		{
			request: {
				prompt: "Review",
				id: "review",
				cwd: "/jobs/batch/sub",
				deadlineMs: 600_000,
				tags: { n: "1" },
				planText: "- [ ] from /jobs/batch/plan.md\n",
				priority: 100,
				attempts: null,
				key: null,
			},
		},
	]);
	const json = await parse('[{"prompt": "One", "items": ["A", "B"]}, {"prompt": "Two", "id": "two"}]', {
		key: "run-7",
	});
	expect(json.map(({ request }) => [request.prompt, request.items, request.key])).toEqual([
		["One", ["A", "B"], "run-7/1"],
		["Two", [], "run-7/two"],
	]);
});

describe("a fault is told with its line", () => {
	test.each([
		["an unknown key", "- prompt: A\n- prompt: B\n  modle: opus\n", ":3:3: [1].modle: is not a key"],
		["a missing prompt", "- id: a\n", ":1:3: [0].prompt:"],
		["a wrong type", "tasks:\n  - prompt: A\n    priority: high\n", ":3:5: tasks[0].priority:"],
		["a priority out of range", "- prompt: A\n  priority: 1001\n", ":2:3: [0].priority:"],
		["a bad duration", "- prompt: A\n  deadline: soon\n", ":2:3: [0].deadline:"],
		["a bad id", "- prompt: A\n  id: ../x\n", ":2:3: [0].id: Expected an id to be lower-case"],
		[
			"a text for a list",
			"- { prompt: A, needs: b }\n",
			':1:16: [0].needs: expected a list, got "b": write ["b"]',
		],
		[
			"a key that is nearly one, in place of one that must be there",
			"task: [{ prompt: A }]\n",
			":1:1: task: is not a key that dispatch knows: did you mean `tasks`?",
		],
		[
			"a slip",
			"- { prompt: A, foreach: { lst: [a] } }\n",
			":1:27: [0].foreach.lst: is not a key that dispatch knows: did you mean `list`?",
		],
		[
			"the same id twice",
			"- prompt: A\n  id: a\n- prompt: B\n  id: a\n",
			':4:3: [1].id: "a" is the id of the task in line 2, too.',
		],
		["a plan and items", "- prompt: A\n  plan: p.md\n  items: [x]\n", ":3:3: [0].items:"],
		["a prompt and a file with one", "- prompt: A\n  prompt_file: p.md\n", ":2:3: [0].prompt_file:"],
		["values without a template", "- prompt: A\n  vars: { a: b }\n", ":2:3: [0].vars: needs `template`"],
		["an unknown key beside the tasks", "tasks: [{ prompt: A }]\nmax: 1\n", ":2:1: max: is not a key"],
		["an id for all", "defaults: { id: a }\ntasks: [{ prompt: A }]\n", ":1:13: defaults.id: is not a key"],
		[
			"a wrong default",
			"tasks: [{ prompt: A }]\ndefaults:\n  priority: high\n",
			':3:3: defaults.priority: expected a whole number, got "high"',
		],
		[
			"a default that is wrong for a task",
			"defaults:\n  deadline: soon\ntasks: [{ prompt: A }]\n",
			":2:3: defaults.deadline:",
		],
		["a text for a switch", '- prompt: A\n  unattended: "yes"\n', ":2:3: [0].unattended:"],
		["an empty name", 'name: ""\ntasks: [{ prompt: A }]\n', ":1:1: name:"],
		["an alias to nothing", "- prompt: *p\n", ":1:11: `*p` has no `&p` before it"],
		["broken YAML", "- prompt: [A\n", ":2:1:"],
		["no tasks", "tasks: []\n", ":1:1: tasks: there are no tasks"],
		["something else", "hello\n", ":1:1:"],
	])("%s", async (_name, text, part) => {
		await expect(parse(text)).rejects.toThrow(
			expect.objectContaining({
				code: "DISPATCH_USAGE",
				message: expect.stringContaining(`tasks.yaml${part}`),
			}),
		);
	});
});

test.each(BATCH_KEYS)("what is wrong with `%s` is told in the words of who writes the file", async (key) => {
	const wrong = [3.5, -1, [], {}, "", true, [[1]], { a: [1] }, { list: 3 }, null];
	const told = await Promise.all(
		wrong.map((value) =>
			parse(JSON.stringify([{ prompt: "x", [key]: value }])).then(
				() => "",
				({ message }: Error) => message,
			),
		),
	);
	expect(told.some((message) => message !== "")).toBe(true);
	for (const message of told)
		expect(message).not.toMatch(
			/invalid (?:input|option|key|union)|too (?:small|big)|received|expected (?:string|array|record|number|int|boolean|object)\b/i,
		);
});

describe("texts", () => {
	test.each([
		"3.10",
		"007",
		"1e3",
		"0x1F",
		"1_000",
		"yes",
		"true",
		"+5",
		".5",
		"1.0",
		"12345678901234567890",
	])("%s keeps its spelling", async (value) => {
		const text = `- prompt: ${value}\n  model: ${value}\n  items: [${value}]\n  tags: { ${value}: ${value} }\n`;
		const [task] = await parse(text);
		expect(task?.request).toMatchObject({
			prompt: value,
			model: value,
			items: [value],
			tags: { [value]: value },
		});
	});

	test("variables of a template, too", async () => {
		const given: unknown[] = [];
		const fillTemplate = (_name: string, _project: string, values: object) => {
			given.push(values);
			return { prompt: null, plan: "", addition: null };
		};
		await parse("- { prompt: A, template: t, vars: { version: 3.10, id: 007, on: yes } }\n", {
			fillTemplate,
		});
		expect(given).toEqual([{ version: "3.10", id: "007", on: "yes" }]);
	});

	test("numbers and switches stay what they are where one is meant, and there alone", async () => {
		const keys = "priority: 010, attempts: 2, budget: 1.50, unattended: true";
		const [task] = await parse(`- { prompt: A, ${keys}, tags: { ${keys} } }\n`);
		expect(task?.request).toMatchObject({ priority: 10, attempts: 2, budgetUsd: 1.5, unattended: true });
		expect(task?.request.tags).toEqual({
			priority: "010",
			attempts: "2",
			budget: "1.50",
			unattended: "true",
		});
		const [other] = await parse(`defaults: { ${keys} }\ntasks: [{ prompt: A }]\n`);
		expect(other?.request).toMatchObject({ priority: 10, attempts: 2, budgetUsd: 1.5, unattended: true });
	});

	test("what an alias stands for is read by its place", async () => {
		const [task, other] = await parse(
			"- { prompt: &n 010, priority: *n, tags: { n: *n } }\n- { prompt: A, priority: &m 020, tags: { n: *m } }\n",
		);
		expect(task?.request).toMatchObject({ prompt: "010", priority: 10, tags: { n: "010" } });
		expect(other?.request).toMatchObject({ priority: 20, tags: { n: "020" } });
	});
});

test.each([
	[
		"multiplied aliases",
		"1:1: too many aliases",
		`a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"].map((name, n) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[n]}`).join(",")}]`).join("\n")}\n`,
	],
	["deep nesting", ": nested too deeply to be read", "[".repeat(50_000)],
	["deep maps", ": nested too deeply to be read", `${"{a: ".repeat(20_000)}1${"}".repeat(20_000)}`],
	["deep lists of lines", ": nested too deeply to be read", `${"- ".repeat(20_000)}x`],
])("%s is refused with the file's name", async (_name, says, text) => {
	await expect(parse(text)).rejects.toThrow(
		expect.objectContaining({
			code: "DISPATCH_USAGE",
			message: expect.stringMatching(new RegExp(`tasks\\.yaml:.*${says}`)),
		}),
	);
});

describe("what stands once for all", () => {
	test("`defaults` are for what a task does not say itself; labels and values are joined", async () => {
		const file = `
defaults: { prompt: Review, model: opus, items: [A], tags: { team: web, n: 1 }, unattended: true, cwd: sub }
tasks:
  - id: a
  - { id: b, prompt: Mend, model: sonnet, plan: plan.md, tags: { n: 2 }, unattended: false, cwd: /srv }
  - { id: c, prompt_file: prompt.md }
`;
		expect((await parse(file)).map(({ request }) => request)).toMatchObject([
			{ id: "a", prompt: "Review", model: "opus", items: ["A"], unattended: true, cwd: "/jobs/batch/sub" },
			{
				id: "b",
				prompt: "Mend",
				model: "sonnet",
				items: [],
				planText: "- [ ] from /jobs/batch/plan.md\n",
				tags: { team: "web", n: "2" },
				unattended: false,
				cwd: "/srv",
			},
			{ id: "c", prompt: "- [ ] from /jobs/batch/prompt.md\n", items: ["A"] },
		]);
	});

	test("`name` is a tag of each, under a tag of the task's own", async () => {
		const tasks = await parse(
			"name: nightly\ntasks: [{ prompt: A }, { prompt: B, tags: { batch: mine, a: b } }]\n",
		);
		expect(tasks.map(({ request }) => request.tags)).toEqual([
			{ batch: "nightly" },
			{ batch: "mine", a: "b" },
		]);
	});

	test("a task's own key stands in place of the one that is made", async () => {
		const tasks = await parse("- { prompt: A, key: mine }\n- { prompt: B, id: b }\n- prompt: C\n", {
			key: "k",
		});
		expect(tasks.map(({ request }) => request.key)).toEqual(["mine", "k/b", "k/3"]);
	});

	test("an alias may stand in hundreds of tasks", async () => {
		const file = `- &t { prompt: A }\n${"- *t\n".repeat(500)}`;
		expect(await parse(file)).toHaveLength(501);
	});
});

test("a file of 11 MB is refused before it is read", async () => {
	const text = `- prompt: |\n${`    ${"x".repeat(96)}\n`.repeat(110_000)}`;
	await expect(parse(text)).rejects.toThrow(/tasks\.yaml:1:1: the file is larger than 10 MiB/);
});

/** Of `enqueue`, without those that are for the call and not for the task. */
function optionsOfTasks(): string[] {
	const page = readFileSync("docs/CLI.md", "utf8");
	const part = page.slice(page.indexOf("### dispatch enqueue"), page.indexOf("### dispatch run"));
	const ofCall = ["wait", "follow", "timeout", "dry-run", "json", "quiet", "help", "cwd"];
	const named = [...part.matchAll(/^\|? *`?(?:-\w, )?--([a-z][a-z-]*)/gm)].map(([, name]) => name ?? "");
	return named.filter((name) => !ofCall.includes(name));
}

test("each option of `enqueue` is a key of a task, or leads to the key", async () => {
	const names = optionsOfTasks();
	expect(names).toEqual(expect.arrayContaining(["after", "prompt-file", "tag", "item", "var", "deadline"]));
	const others = names.filter((name) => !BATCH_KEYS.includes(name));
	for (const name of others) {
		const said = await parse(`- { prompt: A, ${name}: x }\n`).catch((error: Error) => error.message);
		const key = /did you mean `(\w+)`\?/.exec(String(said))?.[1];
		expect([name, BATCH_KEYS.includes(String(key))]).toEqual([name, true]);
	}
	await expect(parse("- { prompt: A, after: x }\n")).rejects.toThrow("did you mean `needs`?");
	await expect(parse("defaults: { after: x }\ntasks: [{ prompt: A }]\n")).rejects.toThrow("is not a key");
});
