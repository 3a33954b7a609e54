import { chmodSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { replaceFlag, takeFlag } from "../../src/backends/shell-words.ts";
import { changeConfig, swapConfig } from "../../src/config/change.ts";
import { editConfig } from "../../src/config/edit.ts";
import { migrateConfig } from "../../src/config/migrate.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { createConfig } from "../../src/config/save.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** As the original skill wrote it: aligned, folded, with comments between the entries. */
const WRITTEN = `# mine
default:   opus   # the best

backends:
  codex:
    command: >
      codex exec
      --full-auto -C "$(pwd)"

models:
  # Claude
  opus:            { backend: claude }
  sonnet:
    backend: claude   # fast
  # the end of the models

aliases:
  # none yet
`;

/** The lines that changed: what is gone with -, what is new with +. */
function changed(before: string, after: string): string[] {
	const [old, now] = [before.split("\n"), after.split("\n")];
	return [
		...old.filter((line) => !now.includes(line)).map((line) => `-${line}`),
		...now.filter((line) => !old.includes(line)).map((line) => `+${line}`),
	];
}

describe("a change keeps comments, order and every line that it does not concern", () => {
	test.each([
		[
			"the default",
			["default"],
			"sonnet",
			["-default:   opus   # the best", "+default:   sonnet   # the best"],
		],
		["a new model", ["models", "gpt-5.2"], { backend: "codex" }, ["+  gpt-5.2: { backend: codex }"]],
		[
			"a flag in a folded command",
			["backends", "codex", "command"],
			'codex exec --sandbox workspace-write -C "$(pwd)"\n',
			['-      --full-auto -C "$(pwd)"', '+      --sandbox workspace-write -C "$(pwd)"'],
		],
		["a model that goes", ["models", "sonnet"], null, ["-  sonnet:", "-    backend: claude   # fast"]],
		["a new section", ["budget", "daily"], "x", ["+budget:", "+  daily: x"]],
	] as const)("%s", (_name, path, value, lines) => {
		const after = editConfig(WRITTEN, [{ path: [...path] as [string, ...string[]], value }]);
		expect(changed(WRITTEN, after)).toEqual(lines);
	});

	test("into a section that has only comments, and into flow maps", () => {
		const alias = editConfig(WRITTEN, [
			{ path: ["aliases", "quick"], value: { model: "sonnet", prompt: "Be quick.\nBe good." } },
		]);
		expect(parseConfig(alias, "c.yaml", {}).aliases.quick).toMatchObject({ prompt: "Be quick.\nBe good." });
		for (const comment of [
			"# mine",
			"# the best",
			"# Claude",
			"# fast",
			"# the end of the models",
			"# none yet",
		])
			expect(alias).toContain(comment);
		const flow = editConfig("models: { opus: { backend: claude } } # all\n", [
			{ path: ["models", "haiku"], value: { backend: "claude" } },
			{ path: ["models", "opus"], value: null },
		]);
		expect(flow).toBe("models: { haiku: { backend: claude } } # all\n");
	});

	test("the last entry that goes, values with a meaning in YAML, and a file without an end of line", () => {
		const none = editConfig("models:\n  a: { backend: claude }\n", [{ path: ["models", "a"], value: null }]);
		expect(parseConfig(none, "c.yaml", {}).models).toEqual({});
		for (const text of ["", "# empty\n", "attempts: 3"]) {
			const edited = editConfig(text, [
				{ path: ["backends", "on"], value: { command: "x: '# y' \"z\" {" } },
				{ path: ["default"], value: "on" },
			]);
			const config = parseConfig(edited, "c.yaml", {});
			expect([config.default, config.backends.on?.command]).toEqual(["on", "x: '# y' \"z\" {"]);
		}
	});
});

describe("migrate", () => {
	const OLDER = `# my agents
default: cursor # the usual one
agents:
  # Cursor's own
  cursor:
    command: agent -p --force --workspace "$(pwd)"
  # with the other model
  harvey:
    command: agent -p --force --workspace "$(pwd)" --model gpt-5 # big
  reviewer:
    command: claude -p
    prompt: You review.
attempts: 3
`;

	test("turns an agents: file into the present form and keeps the comments", () => {
		const text = migrateConfig(OLDER) ?? "";
		const config = parseConfig(text, "c.yaml", {});
		expect(config).toMatchObject({ older: false, default: "cursor", attempts: 3, notices: [] });
		expect(config.backends).toMatchObject({
			cursor: { type: "cursor", command: 'agent -p --force --workspace "$(pwd)"' },
			reviewer: { type: "claude", command: "claude -p" },
		});
		expect(config.models).toEqual({ "gpt-5": { backend: "cursor", id: null } });
		expect(config.aliases).toMatchObject({
			harvey: { model: "gpt-5", prompt: null },
			reviewer: { model: "reviewer", prompt: "You review." },
		});
		const comments = ["# my agents", "# the usual one", "# Cursor's own", "# with the other model", "# big"];
		for (const comment of comments) expect(text).toContain(comment);
		expect(migrateConfig(text)).toBeNull();
	});

	test("refuses a name that stands on both sides", () => {
		expect(() => migrateConfig("agents: { x: { command: a } }\nbackends: { x: { command: b } }\n")).toThrow(
			'"x" stands under agents: and under backends: too.',
		);
	});
});

test("flags are found as words, not as text", () => {
	expect(replaceFlag("codex exec --full-auto -C .", "--full-auto", "--new")).toBe("codex exec --new -C .");
	expect(replaceFlag("codex exec 'no --full-auto here' --full-automatic", "--full-auto", "")).toBeNull();
	expect(takeFlag('agent -p --model "gpt 5" -C "$(pwd)"', ["--model"])).toEqual({
		value: "gpt 5",
		rest: 'agent -p -C "$(pwd)"',
	});
	expect(takeFlag("agent --model=x", ["--model", "-m"])).toEqual({ value: "x", rest: "agent" });
	expect(takeFlag("agent '--model x'", ["--model"])).toBeNull();
});

test("a file is replaced as a whole: its mode and a link to it stay, and a first one never wins over another", async () => {
	const folder = temporaryFolder("config-save");
	const [file, link] = [join(folder, "real.yaml"), join(folder, "config.yaml")];
	writeFileSync(file, "attempts: 1\n");
	chmodSync(file, 0o640);
	symlinkSync(file, link);
	expect(await swapConfig(link, "attempts: 1\n", "attempts: 2\n")).toBe(true);
	expect(await swapConfig(link, "attempts: 1\n", "attempts: 3\n")).toBe(false);
	expect([readFileSync(file, "utf8"), statSync(file).mode & 0o777]).toEqual(["attempts: 2\n", 0o640]);
	expect(lstatSync(link).isSymbolicLink()).toBe(true);
	expect(createConfig(file, "attempts: 3\n")).toBe(false);
	expect(createConfig(join(folder, "new", "config.yaml"), "attempts: 3\n")).toBe(true);
	expect(readFileSync(file, "utf8")).toBe("attempts: 2\n");
});

test("of many who change the file at once none undoes what another one wrote", async () => {
	const file = join(temporaryFolder("config-many"), "config.yaml");
	writeFileSync(file, "");
	const names = ["a", "b", "c", "d"];
	const add = (name: string) => changeConfig(file, (text) => `${text}# ${name}\n`);
	await Promise.all(names.map(add));
	const written = readFileSync(file, "utf8").trimEnd().split("\n").sort();
	expect(written).toEqual(names.map((name) => `# ${name}`));
});
