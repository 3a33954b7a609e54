/** `foreach` of a batch file, over a real history of git and names that are anybody's choice. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { ID_FORM } from "../../src/task/id.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { HOSTILE, makeHistory, parseIn } from "./batch-history.ts";

let folder: string;
beforeAll(() => {
	folder = temporaryFolder("foreach");
	makeHistory(folder);
});

const parse = (value: unknown, key: string | null = null) => parseIn(folder, JSON.stringify(value), key);
const requests = async (value: unknown, key: string | null = null) =>
	(await parse(value, key)).entries.map(({ request }) => request);
const prompts = async (foreach: unknown, more: object = {}) =>
	(await requests([{ prompt: "{{item}}", foreach, ...more }])).map(({ prompt }) => prompt);

describe("what has changed since a commit", () => {
	const exclude = "hostile/**";

	test("is committed, changed or new; renamed files have their new name, deleted and ignored ones none", async () => {
		expect(await prompts({ changed: "main", exclude })).toEqual(
			[
				"./-top.ts",
				".github/flow.yml",
				"src/changed.ts",
				"src/neuer näme.ts",
				"src/new one.ts",
				"sub/-deep.ts",
				"sub/inner.ts",
			].sort(),
		);
		expect(await prompts({ changed: "HEAD" })).toEqual(["src/new one.ts", "sub/inner.ts"]);
	});

	test("goes by where the files are to be worked on", async () => {
		expect(await prompts({ changed: "start" }, { cwd: "sub" })).toEqual(["./-deep.ts", "inner.ts"]);
	});

	test("is narrowed by patterns, which see hidden files", async () => {
		expect(
			await prompts({ changed: "start", include: ["**/*.yml", "src/**"], exclude: ["src/new*", "sub/"] }),
		).toEqual([".github/flow.yml", "src/changed.ts", "src/neuer näme.ts"]);
	});

	test("is told by its names as they are, one line each", async () => {
		const found = await prompts({ changed: "start", include: "hostile/" });
		expect(found).toHaveLength(HOSTILE.length);
		const plain = HOSTILE.filter((name) => !/[\n\u2028]/.test(name)).map((name) => `hostile/${name}`);
		expect(found).toEqual(expect.arrayContaining(plain));
		expect(found).toContain('"hostile/line\\n- [x] break.ts"');
		expect(found).toContain('"hostile/sep\\u2028arated.ts"');
	});
});

test("a hook's repository is not the one that is asked, and no program of its config is run", async () => {
	execFileSync("git", ["config", "core.fsmonitor", `touch ${join(folder, "watched")} #`], { cwd: folder });
	vi.stubEnv("GIT_DIR", "/nowhere");
	vi.stubEnv("GIT_INDEX_FILE", "/nowhere/index");
	try {
		expect(await prompts({ changed: "HEAD" })).toEqual(["src/new one.ts", "sub/inner.ts"]);
		expect(await prompts("sub/*.ts")).toEqual(["sub/inner.ts", "sub/-deep.ts"].sort());
		expect(readdirSync(folder)).not.toContain("watched");
	} finally {
		vi.unstubAllEnvs();
		execFileSync("git", ["config", "--unset", "core.fsmonitor"], { cwd: folder });
	}
});

describe("a glob", () => {
	test("leaves out what git ignores and what is hidden, and takes directories with `/` at its end", async () => {
		expect(await prompts("src/**/*.ts")).toEqual([
			"src/changed.ts",
			"src/kept.ts",
			"src/neuer näme.ts",
			"src/new one.ts",
		]);
		expect(await prompts("**/*.yml")).toEqual([]);
		expect(await prompts(".github/*")).toEqual([".github/flow.yml"]);
		expect(await prompts("*/")).toEqual(["hostile", "src", "sub"]);
		expect(await prompts({ glob: ["sub/*", "ignored/*"], exclude: "**/-*" })).toEqual(["sub/inner.ts"]);
		expect(await prompts({ glob: "hostile/**" })).toHaveLength(HOSTILE.length);
	});

	test("walks where there is no git, past node_modules and along no link", async () => {
		const elsewhere = temporaryFolder("no-git");
		for (const name of ["a b.ts", "deep/ü.ts", "node_modules/x/y.ts"]) {
			mkdirSync(dirname(join(elsewhere, name)), { recursive: true });
			writeFileSync(join(elsewhere, name), "");
		}
		symlinkSync("/usr", join(elsewhere, "out"));
		expect(await prompts("**/*.ts", { cwd: elsewhere })).toEqual(["a b.ts", "deep/ü.ts"]);
		expect(await prompts("*/", { cwd: elsewhere })).toEqual(["deep"]);
	});
});

test("a directory that became a file has none of the files that git still lists in it", async () => {
	const repository = temporaryFolder("became-a-file");
	for (const name of ["kept.ts", "sub/gone.ts"]) {
		mkdirSync(dirname(join(repository, name)), { recursive: true });
		writeFileSync(join(repository, name), "");
	}
	execFileSync("git", ["init", "--quiet"], { cwd: repository });
	execFileSync("git", ["add", "."], { cwd: repository });
	rmSync(join(repository, "sub"), { recursive: true });
	writeFileSync(join(repository, "sub"), "");
	expect(await prompts("**/*.ts", { cwd: repository })).toEqual(["kept.ts"]);
});

describe("the texts of a task", () => {
	test("get the item, its number, and the lines of a group", async () => {
		const [first, second] = await requests([
			{
				foreach: { list: ["a", "b", "c"], chunk: 2 },
				id: "part-{{index}}",
				prompt: "Part {{ index }}:\n{{items}}",
				items: ["Read {{items}}", "Write output.md"],
				tags: { n: "{{index}}", "{{index}}": "x" },
				delay: "{{index}}m",
				template: "t",
				vars: { p: "{{items}}" },
			},
		]);
		expect(first).toMatchObject({
			id: "part-1",
			prompt: "Part 1:\na\nb",
			items: ["Read a", "Read b", "Write output.md"],
			tags: { n: "1", "{{index}}": "x" },
			delayMs: 60_000,
		});
		expect(second).toMatchObject({
			id: "part-2",
			prompt: "Part 2:\nc",
			items: ["Read c", "Write output.md"],
		});
	});

	test("without `foreach` keep what looks like a place for an item", async () => {
		expect(
			await requests([{ prompt: "Why {{item}} and {{items}}?", verify: "echo {{item}}" }]),
		).toMatchObject([{ prompt: "Why {{item}} and {{items}}?", verify: "echo {{item}}" }]);
	});

	test("are filled in once, whatever the item holds", async () => {
		expect(await prompts(["{{index}} $& {{items}}"])).toEqual(["{{index}} $& {{items}}"]);
	});

	test("of a checklist keep their lines", async () => {
		const [task] = await requests([
			{ prompt: "x", plan: "- [ ] {{item}}\n- [ ] B\n", foreach: ["a\n- [x] c"] },
		]);
		expect(task?.planText).toBe("- [ ] a - [x] c\n- [ ] B\n");
	});

	test("name files below what the batch file names", async () => {
		const task = { prompt: "x", context: ["{{item}}"], cwd: "sub", foreach: { list: ["src/kept.ts"] } };
		expect((await requests([task]))[0]?.contextFiles).toEqual([join(folder, "src/kept.ts")]);
		const places = await requests([{ prompt: "x", cwd: "{{item}}", foreach: "*/" }]);
		expect(places.map(({ cwd }) => cwd)).toEqual(["hostile", "src", "sub"].map((name) => join(folder, name)));
	});
});

describe("`verify`", () => {
	const said = (line: string) =>
		execFileSync("sh", ["-c", line], { cwd: join(folder, "hostile"), encoding: "utf8" })
			.split("\0")
			.slice(0, -1);

	test("gets each name as one word that is no option, and nothing of it is run", async () => {
		const verify = "printf '%s\\0' {{item}}; : $(printf %s {{item}})";
		const lines = await requests([{ prompt: "x", cwd: "hostile", foreach: "*", verify }]);
		expect(lines.flatMap((task) => said(task.verify ?? "")).sort()).toEqual(
			HOSTILE.map((name) => (name.startsWith("-") ? `./${name}` : name)).sort(),
		);
		expect(readdirSync(join(folder, "hostile")).sort()).toEqual([...HOSTILE].sort());
		expect(readdirSync(folder)).not.toContain("pwned");
	});

	test("gets a word for each of a group, whatever text it is", async () => {
		const word = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
		const texts = fc.array(
			word.filter((text) => !/^-|\0/.test(text) && text.isWellFormed()),
			{ minLength: 1, maxLength: 5 },
		);
		await fc.assert(
			fc.asyncProperty(texts, async (list) => {
				const [task] = await requests([
					{
						prompt: "x",
						foreach: { list, chunk: 9 },
						verify: "f() { printf '%s\\0' {{items}}; }; printf '%s\\0' {{items}}",
					},
				]);
				expect(said(task?.verify ?? "")).toEqual(list);
			}),
			{ numRuns: 40 },
		);
	});

	test.each([
		'grep "{{item}}" x',
		"grep '{{item}}' x",
		'sh -c "test -f {{item}}"',
		"cat <<EOF\n{{item}}\nEOF",
		"`cat {{item}}`",
		"true # {{item}}",
		"echo $'\\'{{item}}",
		"echo \\{{item}}",
		'echo "a\\"b {{item}}"',
		"echo $(( {{item}} ))",
		"eval {{item}}",
		'# it\'s\nsh -c "x {{item}}"',
	])("%j is refused", async (verify) => {
		await expect(parse([{ prompt: "x", foreach: ["a"], verify }])).rejects.toThrow(/\[0\]\.verify: /);
	});

	test.each([
		"test -f {{item}}",
		"x='a' && cat \"$x\" {{item}}",
		"# it's\ncat {{item}}",
		"a --file={{item}};b",
	])("%j is taken", async (verify) => {
		const [task] = await requests([{ prompt: "x", foreach: ["a b"], verify }]);
		expect(task?.verify).toBe(`_item='a b'; ${verify.replace("{{item}}", '"$_item"')}`);
	});
});

describe("ids", () => {
	const idsOf = async (list: unknown, id = "see-{{item}}") =>
		(await requests([{ prompt: "x", id, foreach: list }])).map((task) => task.id ?? "");

	test("say what the item is called, as far as an id can", async () => {
		expect(await idsOf(["src/Größe.ts", "-rf", "Ærøskøbing", "a  b"])).toEqual([
			"see-src-grosse-ts",
			"see-rf",
			"see-aeroskobing",
			"see-a-b",
		]);
		const [emoji] = await idsOf(["🎉"]);
		expect(emoji).toMatch(/^see-[0-9a-f]{6}$/);
		const [long] = await idsOf([`${"very/long/".repeat(20)}name-of-it.ts`]);
		expect(long).toMatch(/^see-(?:[a-z]+-)+name-of-it-ts-[0-9a-f]{6}$/);
	});

	test("are valid, one for each item, and the same again, whatever the items are", async () => {
		const texts = fc.uniqueArray(
			fc.oneof(
				fc.string({ unit: "binary", minLength: 1 }),
				fc.constantFrom("a b", "a-b", "a/b", "Ä", "a", "🎉", "🎈"),
			),
			{ minLength: 1, maxLength: 8 },
		);
		await fc.assert(
			fc.asyncProperty(
				texts,
				fc.constantFrom("{{item}}", "x-{{item}}", "{{item}}-{{index}}"),
				async (list, id) => {
					const clean = list.filter((text) => !text.includes("\0") && text.isWellFormed());
					const ids = await idsOf(clean, id);
					expect(ids.filter((each) => !ID_FORM.test(each))).toEqual([]);
					expect(new Set(ids).size).toBe(clean.length);
					expect(await idsOf(clean, id)).toEqual(ids);
				},
			),
			{ numRuns: 60 },
		);
	});
});

test("a key is the same for the same item, whatever else is found, and names no two", async () => {
	const keys = async (list: string[], more: object = {}) =>
		(await requests([{ prompt: "x" }, { prompt: "{{item}}", foreach: list, ...more }], "k")).map(
			({ key }) => key,
		);
	const [first, a, b] = await keys(["a", "b"]);
	expect(first).toBe("k/1");
	expect(await keys(["c", "b", "a"])).toEqual([first, expect.stringMatching(/^k\/2\//), b, a]);
	expect(new Set(await keys(["a", "a", "a"])).size).toBe(4);
	expect(await keys(["a"], { id: "n-{{item}}" })).toEqual(["k/1", "k/n-a"]);
	expect(await keys(["a", "b"], { key: "own-{{item}}" })).toEqual(["k/1", "own-a", "own-b"]);
});

test.each([
	[[], "tasks.yaml:1:16: [0].foreach: the list is empty."],
	["nosuch/**", /\[0\]\.foreach: nothing in .* matches nosuch\/\*\*\.$/],
	[{ changed: "HEAD", include: "*.nosuch" }, /\[0\]\.foreach: no such file has changed since HEAD\.$/],
])("%j, which finds nothing, is told, and is no fault", async (foreach, says) => {
	const { entries, nothing } = await parse([{ prompt: "x", foreach }, { prompt: "y" }]);
	expect(entries.map(({ request }) => request.prompt)).toEqual(["y"]);
	expect(nothing).toEqual([
		typeof says === "string" ? expect.stringContaining(says) : expect.stringMatching(says),
	]);
});
