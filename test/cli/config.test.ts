/** `dispatch config …` on real files, without any Redis. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { User } from "../e2e/harness.ts";

let user: User;
let path: string;
beforeEach(() => {
	user = new User();
	path = join(user.home, "config.yaml");
	writeFileSync(path, "# mine\ndefault: fake # usual\nbackends:\n  fake: { type: command, command: ./a }\n");
});
afterEach(() => user.cleanup());

const read = () => readFileSync(path, "utf8");

test("show says by which way the prompts reach each backend: the one that is used, also where the config has none", async () => {
	const ways = [
		["plain", "{ type: command, command: ./a }", "argument", "by its command"],
		["direct", "{ type: claude, command: claude -p }", "stdin", "by its command"],
		["fed", "{ type: claude, command: 'cat x | claude -p' }", "file", "by its command"],
		["said", "{ type: command, command: ./a, prompt_by: file }", "file", "line 6"],
	];
	writeFileSync(
		path,
		`default: plain\nbackends:\n${ways.map(([name, backend]) => `  ${name}: ${backend}\n`).join("")}`,
	);
	const { settings } = await user.json<{ settings: Record<string, { value: string; from: string }> }>([
		"config",
		"show",
	]);
	expect(
		ways.map(([name]) => {
			const shown = settings[`backends.${name}.prompt_by`];
			return [name, shown?.value, shown?.from];
		}),
	).toEqual(ways.map(([name, , way, from]) => [name, way, from]));
});

test("adds, changes and removes, and keeps the comments", async () => {
	await user.ok(["config", "add-backend", "mine", "--command", "./mine.sh 'a  b'"]);
	await user.ok(["config", "add-model", "big", "--backend", "mine", "--id", "big-1"]);
	await user.ok(["config", "add-alias", "reviewer", "--model", "big", "--prompt", "You review.\nTwice."]);
	await user.ok(["config", "set-default", "Reviewer"]);
	expect(read()).toBe(`# mine
default: reviewer # usual
backends:
  fake: { type: command, command: ./a }
  mine:
    command: ./mine.sh 'a  b'

models:
  big: { backend: mine, id: big-1 }

aliases:
  reviewer:
    model: big
    prompt: |-
      You review.
      Twice.
`);
	await user.ok(["config", "set-default", "fake"]);
	await user.ok(["config", "remove-alias", "reviewer"]);
	await user.ok(["config", "remove-model", "big"]);
	const { settings } = await user.json<{ settings: Record<string, { value: unknown; from: string }> }>([
		"config",
		"show",
	]);
	expect(settings).toMatchObject({
		default: { value: "fake", from: "line 2" },
		"backends.mine.command": { value: "./mine.sh 'a  b'", from: "line 6" },
		"worker.concurrency": { value: 2, from: "default" },
	});
	expect(Object.keys(settings)).not.toContain("models.big.backend");
	expect((await user.ok(["config", "path"])).trim()).toBe(path);
	// Nothing is left beside the file.
	expect(readdirSync(user.home).filter((name) => name.includes("tmp"))).toEqual([]);
});

test("what of an entry is not named stays as it is: a new command line gives nobody more freedom", async () => {
	const entries = `backends:
  mine: { command: codex exec, permissions: edit } # narrow
models:
  big: { backend: mine, id: big-1 }
aliases:
  reviewer:
    model: big
    # narrower
    permissions: read_only
`;
	writeFileSync(path, entries);
	const narrow = ["--prompt-by", "file"];
	await user.ok(["config", "add-backend", "mine", "--command", "nice codex exec", ...narrow]);
	await user.ok(["config", "add-alias", "reviewer", "--prompt", "You review."]);
	await user.ok(["config", "add-model", "big", "--backend", "mine"]);
	const changed = { "codex exec, permissions: edit": "nice codex exec, permissions: edit, prompt_by: file" };
	const [[before, after] = ["", ""]] = Object.entries(changed);
	expect(read()).toBe(`${entries.replace(before, after)}    prompt: You review.\n`);
});

test.each([
	[["add-model", "bad name", "--backend", "fake"], /Expected the model's name/],
	[["add-backend", "__proto__", "--command", "x"], /Expected the backend's name/],
	[["add-backend", "x", "--command", " "], /Expected --command/],
	[["add-backend", "x", "--command", "y", "--type", "gemini"], /claude, codex, cursor, command/],
	[
		["add-backend", "x", "--command", "y", "--prompt-by", "pipe"],
		/--prompt-by to be one of stdin, file, argument/,
	],
	[["add-model", "m", "--backend", "nope"], /There is no backend "nope"\. There is: fake\./],
	[["remove-model", "nope"], /There is no model "nope"\. None is configured\./],
	[["remove-backend", "nope"], /There is no backend "nope"\. There is: fake\./],
	[["remove-backend", "fake"], /it is the default/],
	[["remove-alias", "nope"], /There is no alias "nope"/],
	[["set-default", "nope"], /"nope" is neither configured nor found\. There is: fake/],
	[["add-alias", "x"], /Expected --model, --prompt or --permissions/],
])("config %j is refused, and the file stays", async (args, line) => {
	const before = read();
	const ran = await user.run(["config", ...args]);
	expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(line)]);
	expect(read()).toBe(before);
});

test("what another list names is not removed, unless another entry of its name stays", async () => {
	const config = `default: a
backends: { claude: { command: claude -p }, asks: { command: ./a }, x: { command: ./x }, y: { command: ./y } }
models: { a: { backend: claude }, m: { backend: claude }, y: { backend: claude } }
aliases: { q: { model: m }, r: { model: a } }
fallback: [asks, r, y]
`;
	writeFileSync(path, config);
	for (const [args, line] of [
		[["remove-backend", "asks"], /in the list `fallback`/],
		[["remove-model", "m"], /the model of the alias "q".*remove-alias q/],
		[["remove-alias", "r"], /in the list `fallback`/],
	] as const) {
		const ran = await user.run(["config", ...args]);
		expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(line)]);
	}
	expect(read()).toBe(config);
	await user.ok(["config", "remove-backend", "y"]);
});

test("what is in use is not removed", async () => {
	writeFileSync(
		path,
		"default: a\nbackends: { claude: { command: claude -p } }\nmodels:\n  a: { backend: claude }\n  b: { backend: claude }\naliases: { q: { model: b } }\n",
	);
	for (const [args, line] of [
		[["remove-model", "a"], /it is the default/],
		[["remove-model", "b"], /the model of the alias "q"/],
		[["remove-backend", "claude"], /the backend of the model "a" and of 1 more.*remove-model a/],
	] as const) {
		const ran = await user.run(["config", ...args]);
		expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(line)]);
	}
});

test("a backend is removed; one that a task still needs stays unless --yes says so", async () => {
	const add = ["config", "add-backend", "mine", "--command", "./mine.sh"];
	const remove = ["config", "remove-backend", "mine"];
	const before = read();
	expect(await user.ok(add)).toContain('Give it a task: dispatch enqueue --model mine "…"');
	expect(await user.ok(remove)).toBe("The backend mine is no longer in the config.\n");
	expect(read()).toBe(before);
	await user.ok(add);
	await user.ok(["enqueue", "--id", "later", "--model", "mine", "--delay", "1h", "x"]);
	const ran = await user.run(remove);
	expect([ran.code, ran.stderr]).toEqual([
		2,
		expect.stringMatching(/a task that is not over: later\..*--yes/),
	]);
	expect(read()).toContain("mine");
	await user.ok([...remove, "--yes"]);
	expect(read()).toBe(before);
});

describe("edit", () => {
	const edit = (script: string) => user.run(["config", "edit"], { env: { VISUAL: script } });

	test("takes what the editor saved, and says when nothing changed", async () => {
		expect((await edit("sed -i s/usual/other/")).code).toBe(0);
		expect(read()).toContain("default: fake # other");
		expect((await edit("true")).stdout).toContain("was not changed");
	});

	test("a config that does not load and is left as it is, is no success", async () => {
		const sound = read();
		writeFileSync(path, sound.replace("default", "defualt"));
		const ran = await edit("true");
		expect([ran.code, ran.stdout, ran.stderr]).toEqual([
			2,
			"",
			expect.stringMatching(/config\.yaml:2:1: defualt.*was not changed, and is still broken/),
		]);
		expect([draftText(), (await edit("sed -i s/defualt/default/")).code, read()]).toEqual([null, 0, sound]);
	});

	const draftText = () => {
		const draft = readdirSync(user.home).find((name) => name.includes("draft"));
		return draft === undefined ? null : readFileSync(join(user.home, draft), "utf8");
	};
	const other = (line: string) => user.write("other.sh", `#!/bin/sh\n${line}\n`, 0o755);

	test("a config that was changed while the editor was open stays, and so does the draft", async () => {
		const ran = await edit(other(`echo "attempts: 3" >>'${path}'; echo "# my edit" >>"$1"`));
		expect([ran.code, ran.stderr]).toEqual([
			2,
			expect.stringMatching(/was changed by another process meanwhile\..*your text is in .*draft/),
		]);
		expect(read()).toMatch(/attempts: 3\n$/);
		expect(draftText()).toMatch(/# my edit\n$/);
	});

	test("a draft that was left is opened again, until it loads, is emptied, or the config has changed", async () => {
		const before = read();
		const drafts = () => readdirSync(user.home).filter((name) => name.includes("draft"));
		expect((await edit("sed -i s/default/defualt/")).code).toBe(2);
		const again = await edit("sed -i s/usual/other/");
		expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("This is your draft of before.")]);
		expect([draftText(), drafts()]).toEqual([expect.stringMatching(/defualt: .*other/), [expect.anything()]]);
		expect((await edit("false")).code).toBe(2);
		expect((await edit("sed -i s/defualt/default/")).code).toBe(0);
		expect([read(), drafts()]).toEqual([before.replace("usual", "other"), []]);
		expect((await edit("sed -i s/default/defualt/")).code).toBe(2);
		writeFileSync(path, `${before}attempts: 3\n`);
		const changed = await edit("true");
		expect([changed.code, changed.stderr]).toEqual([0, expect.stringMatching(/not opened: .*draft/)]);
		writeFileSync(path, before.replace("usual", "other"));
		expect((await edit(other(`: >"$1"`))).stdout).toContain("was not changed");
		expect(drafts()).toEqual([]);
	});

	test("without a terminal no editor opens but one that was named", async () => {
		const before = read();
		const ran = await user.run(["config", "edit"], { env: { VISUAL: "", EDITOR: "" } });
		expect([ran.code, ran.stderr]).toEqual([
			2,
			expect.stringMatching(/this is no terminal.*was not changed/),
		]);
		expect([draftText(), read()]).toEqual([null, before]);
	});

	test("a config that was made while the editor was open stays, and so does the draft", async () => {
		const made = read();
		rmSync(path);
		writeFileSync(`${path}.made`, made);
		const ran = await edit(other(`mv '${path}.made' '${path}'; echo "attempts: 3" >>"$1"`));
		expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/meanwhile\..*draft/)]);
		expect(read()).toBe(made);
		expect(draftText()).toMatch(/attempts: 3\n$/);
	});

	test("what an editor had saved before it was killed is kept; what it emptied is not", async () => {
		const before = read();
		const killed = await edit(other(`echo "attempts: 3" >>"$1"; kill -9 $$`));
		expect([killed.code, killed.stderr]).toEqual([
			2,
			expect.stringMatching(/what it had saved is in .*draft/),
		]);
		expect(draftText()).toBe(`${before}attempts: 3\n`);
		for (const name of readdirSync(user.home)) if (name.includes("draft")) rmSync(join(user.home, name));
		expect((await edit(other(`: >"$1"; kill -9 $$`))).code).toBe(2);
		expect([draftText(), read()]).toEqual([null, before]);
	});

	test("keeps the old file when the new one does not load or the editor fails", async () => {
		const before = read();
		const ran = await edit("sed -i s/default/defualt/");
		expect([ran.code, ran.stderr]).toEqual([
			2,
			expect.stringMatching(/2:1: defualt.*was not changed.*\.yaml/),
		]);
		expect(read()).toBe(before);
		const draft = readdirSync(user.home).find((name) => name.includes("draft"));
		expect(readFileSync(join(user.home, draft ?? ""), "utf8")).toContain("defualt");
		expect((await edit("false")).code).toBe(2);
		expect(read()).toBe(before);
	});
});

test("migrate turns an agents: file into the present form and keeps the old text", async () => {
	const older = "default: cursor\nagents:\n  # the usual\n  cursor: { command: agent -p --force }\n";
	writeFileSync(path, older);
	await user.ok(["config", "migrate"]);
	expect(read()).toBe("default: cursor\nbackends:\n  # the usual\n  cursor: { command: agent -p --force }\n");
	expect(readFileSync(`${path}.before-migrate`, "utf8")).toBe(older);
	expect(await user.ok(["config", "migrate"])).toContain("nothing to migrate");
	expect(existsSync(path)).toBe(true);
});

test("migrate keeps the old text each time, and says under which name", async () => {
	const kept = async (text: string) => {
		writeFileSync(path, text);
		return (await user.json<{ kept: string }>(["config", "migrate"])).kept;
	};
	const texts = ["first", "second", "third"].map((name) => `agents: { ${name}: { command: x } }\n`);
	const files = [];
	for (const text of texts) files.push(await kept(text));
	expect(files.map((file) => readFileSync(file, "utf8"))).toEqual(texts);
	expect(await kept(texts[1] ?? "")).toBe(files[1]);
});

test("a backend whose program is not there is told; of a path in the task's directory nobody knows", async () => {
	const added = async (command: string) =>
		(await user.run(["config", "add-backend", "mine", "--command", command])).stderr;
	expect(await added("nosuch.sh -x")).toMatch(
		/^dispatch: There is no program nosuch\.sh on PATH: tasks of mine fail/,
	);
	const file = user.write("mine.sh", "true");
	expect(await added(file)).toBe(
		`dispatch: ${file} is not executable: tasks of mine fail until it is: chmod +x ${file}.\n`,
	);
	expect(await added(user.project)).toContain(`dispatch: ${user.project} is a directory: tasks of mine fail`);
	expect(await added("/nosuch/mine.sh")).toContain("There is no file /nosuch/mine.sh: tasks of mine fail");
	expect(await added("./mine.sh")).toBe("");
	expect(await added("sh -c true")).toBe("");
});
