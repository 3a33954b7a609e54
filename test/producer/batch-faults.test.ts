/** What is wrong with the `foreach` of a batch file is told with its place, and nothing is half accepted. */
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { makeHistory, parseIn } from "./batch-history.ts";

let folder: string;
beforeAll(() => {
	folder = temporaryFolder("faults");
	makeHistory(folder);
});

const parse = (value: unknown) => parseIn(folder, JSON.stringify(value));
const prompts = async (foreach: unknown) =>
	(await parse([{ prompt: "{{item}}", foreach }])).entries.map(({ request }) => request.prompt);

describe("a fault is told with its line, column and key", () => {
	const task = (text: string) => `- prompt: x\n  id: t-{{item}}\n  ${text}\n`;
	test.each([
		[
			"a pattern that is none",
			task("foreach: 'src/[a-'"),
			':3:3: [0].foreach: "src/[a-" is no pattern: Missing closing: "]"',
		],
		[
			"one of several",
			task("foreach: { glob: ['*', '{a'] }"),
			':3:26: [0].foreach.glob[1]: "{a" is no pattern',
		],
		["one of exclude", task("foreach: { glob: '*', exclude: '!a' }"), ":3:25: [0].foreach.exclude:"],
		[
			"a pattern from the root",
			task("foreach: /etc/*"),
			':3:3: [0].foreach: "/etc/*" is no pattern: it begins at the directory',
		],
		["a pattern that leads out", task("foreach: ../*"), ":3:3: [0].foreach:"],
		["a pattern of nothing", task("foreach: ./"), ":3:3: [0].foreach:"],
		[
			"an unknown ref",
			task("foreach: { changed: nosuch }"),
			':3:14: [0].foreach.changed: "nosuch" is no commit',
		],
		[
			"a ref that is an option",
			task("foreach: { changed: --all }"),
			':3:14: [0].foreach.changed: "--all" is no commit',
		],
		[
			"no repository",
			task("foreach: { changed: main }\n  cwd: /"),
			":3:14: [0].foreach.changed: / is in no git repository",
		],
		["a directory that is not there", task("foreach: '*'\n  cwd: nosuch"), ":3:3: [0].foreach: "],
		["no way to find any", task("foreach: { chunk: 2 }"), ":3:3: [0].foreach: expected one of"],
		["two ways", task("foreach: { list: [a], glob: a }"), ":3:3: [0].foreach: expected one of"],
		["patterns for a list", task("foreach: { list: [a], exclude: a }"), ":3:25: [0].foreach.exclude:"],
		["an unknown key of it", task("foreach: { files: a }"), ":3:14: [0].foreach.files: is not a key"],
		[
			"a wrong type in it",
			task("foreach: { list: [a], chunk: two }"),
			':3:25: [0].foreach.chunk: expected a whole number, got "two"',
		],
		["a wrong type of it", task("foreach:"), ":3:3: [0].foreach: expected a text, a list or a mapping"],
		["an item that is none", task("foreach: [a, '']"), ":3:16: [0].foreach[1]:"],
		["a NUL", task('foreach: ["a\\0b"]'), ":3:13: [0].foreach[0]: a NUL"],
		["the same item twice", task("foreach:\n    - a\n    - b\n    - a"), ':6:7: [0].foreach[2]: "t-a-'],
		[
			"an id that another task has",
			`${task("foreach:\n    - a\n    - b")}- { prompt: y, id: t-b }\n`,
			':6:16: [1].id: "t-b" is the id of the task in line 5, too',
		],
		[
			"an item without quotes",
			"- prompt: {{item}}\n  foreach: [a]\n",
			":1:12: a text that begins with {{ needs quotes",
		],
		[
			"one with words behind it",
			"- prompt: {{item}} it\n  foreach: [a]\n",
			":1:12: a text that begins with {{",
		],
		[
			"one in a list",
			"- prompt: x\n  items: [{{item}}]\n  foreach: [a]\n",
			":2:12: a text that begins with {{",
		],
		["a list for a key", "- ? [a, b]\n  : x\n", ":1:5: a list cannot be a key"],
		["one id for all", "- { prompt: x, id: a, foreach: [a, b] }\n", ':1:16: [0].id: would be "a" for all 2'],
		["one key for all", "- { prompt: x, key: a, foreach: [a, b] }\n", ":1:16: [0].key:"],
		["an id that is none", "- { prompt: x, id: 'A {{item}}', foreach: [a] }\n", ":1:16: [0].id:"],
		[
			"an id without room",
			`- { prompt: x, id: '${"a".repeat(60)}-{{item}}', foreach: [abcdefgh] }\n`,
			":1:16: [0].id: leaves no room",
		],
		[
			"one item of a group",
			task("foreach: { list: [a], chunk: 2 }\n  model: '{{item}}'"),
			":4:3: [0].model: with `chunk`",
		],
		[
			"a wrong value for one item",
			task("foreach: [1m, x]\n  delay: '{{item}}'"),
			":4:3: [0].delay: Expected",
		],
		[
			"an item that leads out",
			task("foreach: [../..]\n  cwd: '{{item}}'"),
			':4:3: [0].cwd: "../.." leads out of',
		],
		[
			"an item from the root",
			task("foreach: [/etc/passwd]\n  context: ['{{item}}']"),
			':4:3: [0].context: "/etc/passwd" leads out',
		],
		[
			"an item out of a part",
			task("foreach: [../src]\n  cwd: 'sub/{{item}}'"),
			':4:3: [0].cwd: "sub/../src" leads out',
		],
		[
			"an option for the check",
			task("foreach: ['-rf']\n  verify: 'rm {{item}}'"),
			":4:3: [0].verify: an item with a dash",
		],
	])("%s", async (_name, text, part) => {
		const parsed = parseIn(folder, text);
		await expect(parsed).rejects.toMatchObject({
			code: "DISPATCH_USAGE",
			message: expect.stringContaining(`tasks.yaml${part}`),
			hint: "Nothing was enqueued.",
		});
		await expect(parsed).rejects.toMatchObject({ message: expect.not.stringContaining("\n") });
	});

	test("a directory that is a link to the outside", async () => {
		mkdirSync(join(folder, "links"));
		symlinkSync("/usr", join(folder, "links/out"));
		await expect(parse([{ prompt: "x", cwd: "links/{{item}}", foreach: ["out"] }])).rejects.toThrow(
			/leads out of/,
		);
		rmSync(join(folder, "links"), { recursive: true });
	});

	test("a name that is no UTF-8, unless it is left out", async () => {
		const odd = Buffer.concat([Buffer.from(join(folder, "sub/odd-")), Buffer.from([0xff])]);
		writeFileSync(odd, "");
		await expect(parse([{ prompt: "{{item}}", foreach: { changed: "HEAD" } }])).rejects.toThrow(
			/sub\/odd-.* is no UTF-8/,
		);
		expect(await prompts({ changed: "HEAD", exclude: "sub/odd*" })).toEqual([
			"src/new one.ts",
			"sub/inner.ts",
		]);
		renameSync(odd, join(folder, "ignored/odd"));
	});

	test("a repository that git cannot read, of which nobody knows what it ignores", async () => {
		const broken = temporaryFolder("broken");
		execFileSync("git", ["init", "-q"], { cwd: broken });
		writeFileSync(join(broken, ".git/config"), "[core\n");
		writeFileSync(join(broken, "a.ts"), "");
		await expect(parse([{ prompt: "x", cwd: broken, foreach: "*" }])).rejects.toThrow(
			/\[0\]\.foreach: git cannot list the files of .*bad config/,
		);
	});

	test("a repository over which git would wait for ever on a FIFO", async () => {
		const stuck = temporaryFolder("stuck");
		execFileSync("git", ["init", "-q"], { cwd: stuck });
		execFileSync("mkfifo", [join(stuck, ".gitignore")]);
		await expect(parse([{ prompt: "x", cwd: stuck, foreach: "*" }])).rejects.toThrow(
			/\[0\]\.foreach: git was ended: it would wait for ever on a FIFO/,
		);
	});

	test("no more: as many as are allowed, of names of the usual length", async () => {
		const list = Array.from({ length: 10_000 }, (_, n) => `packages/of-a-usual-length/src/file-${n}.ts`);
		expect(await prompts(list)).toEqual(list);
	});

	test("more tasks than anybody means, and more text", async () => {
		const list = Array.from({ length: 10_001 }, (_, n) => String(n));
		await expect(parse([{ prompt: "x", foreach: list }])).rejects.toThrow(
			/\[0\]\.foreach: makes more than 10000/,
		);
		await expect(parse([{ prompt: "{{item}}".repeat(300), foreach: ["x".repeat(4_000)] }])).rejects.toThrow(
			/characters/,
		);
		const much = [{ prompt: `{{index}}${"x".repeat(1_000_000)}`, foreach: list.slice(0, 200) }];
		await expect(parse(much)).rejects.toThrow(/\[0\]\.prompt: all texts together/);
	});
});

test("a history that a shallow clone lacks is told as that", async () => {
	const shallow = temporaryFolder("shallow");
	execFileSync("git", ["clone", "-q", "--depth", "1", "--no-single-branch", `file://${folder}`, shallow]);
	const asked = (changed: string) => parse([{ prompt: "x", cwd: shallow, foreach: { changed } }]);
	await expect(asked("origin/main")).rejects.toThrow(/no common history: the clone is shallow/);
	await expect(asked("nosuch")).rejects.toThrow(/no commit of the repository: the clone is shallow/);
});
