import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fillTemplate, findTemplate } from "../../src/config/templates.ts";
import { BATCH_KEYS, type BatchOptions, parseBatch } from "../../src/producer/batch.ts";

const OPTIONS: BatchOptions = {
	file: "/jobs/batch/tasks.yaml",
	key: null,
	unattended: false,
	createdBy: "tester@here",
	readPlan: (path) => `- [ ] from ${path}\n`,
	fillTemplate: (name, project, values) =>
		fillTemplate(findTemplate({ project, home: "/nowhere" }, name), values),
};

const parse = (text: string, options: Partial<BatchOptions> = {}) =>
	parseBatch(text, { ...OPTIONS, ...options });

test("docs/BATCHES.md lists every key of a batch file, and no other", () => {
	const page = readFileSync(new URL("../../docs/BATCHES.md", import.meta.url), "utf8");
	const [, section = ""] = /^## Keys of a task$([\s\S]*?)^## /m.exec(page) ?? [];
	const rows = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].map(([, keys]) => keys ?? "");
	const listed = rows.flatMap((keys) => keys.replaceAll("`", "").split(", "));
	expect(listed.sort()).toEqual([...BATCH_KEYS].sort());
});

test("reads a list or `tasks:`, in YAML or JSON", () => {
	const yaml = parse(
		"tasks:\n  - prompt: Review\n    id: review\n    cwd: sub\n    deadline: 10m\n    tags: { n: 1 }\n    plan: plan.md\n",
	);
	expect(yaml).toMatchObject([
		{
			at: "/jobs/batch/tasks.yaml:2",
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
	const json = parse('[{"prompt": "One", "items": ["A", "B"]}, {"prompt": "Two", "id": "two"}]', {
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
		["a bad id", "- prompt: A\n  id: ../x\n", ":2:3: [0].id:"],
		[
			"the same id twice",
			"- prompt: A\n  id: a\n- prompt: B\n  id: a\n",
			':4:3: [1].id: "a" is the id of an earlier task',
		],
		["a plan and items", "- prompt: A\n  plan: p.md\n  items: [x]\n", ":3:3: [0].items:"],
		["broken YAML", "- prompt: [A\n", ":2:1:"],
		["no tasks", "tasks: []\n", ":1:1: tasks: there are no tasks"],
		["something else", "hello\n", ":1:1:"],
	])("%s", (_name, text, part) => {
		expect(() => parse(text)).toThrow(
			expect.objectContaining({
				code: "DISPATCH_USAGE",
				message: expect.stringContaining(`tasks.yaml${part}`),
			}),
		);
	});
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
	])("%s keeps its spelling", (value) => {
		const text = `- prompt: ${value}\n  model: ${value}\n  items: [${value}]\n  tags: { ${value}: ${value} }\n`;
		const [task] = parse(text);
		expect(task?.request).toMatchObject({
			prompt: value,
			model: value,
			items: [value],
			tags: { [value]: value },
		});
	});

	test("variables of a template, too", () => {
		const given: unknown[] = [];
		const fillTemplate = (_name: string, _project: string, values: object) => {
			given.push(values);
			return { prompt: null, plan: "", addition: null };
		};
		parse("- { prompt: A, template: t, vars: { version: 3.10, id: 007, on: yes } }\n", { fillTemplate });
		expect(given).toEqual([{ version: "3.10", id: "007", on: "yes" }]);
	});

	test("numbers stay numbers", () => {
		const [task] = parse("- prompt: A\n  priority: 010\n  attempts: 2\n  budget: 1.50\n");
		expect(task?.request).toMatchObject({ priority: 10, attempts: 2, budgetUsd: 1.5 });
	});
});

test.each([
	[
		"multiplied aliases",
		`a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"].map((name, n) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[n]}`).join(",")}]`).join("\n")}\n`,
	],
	["deep nesting", "[".repeat(50_000)],
	["deep maps", `${"{a: ".repeat(20_000)}1${"}".repeat(20_000)}`],
])("%s are refused with the file's name", (_name, text) => {
	expect(() => parse(text)).toThrow(
		expect.objectContaining({ code: "DISPATCH_USAGE", message: expect.stringContaining("tasks.yaml:") }),
	);
});
