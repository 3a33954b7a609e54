/** The README promises nothing that the program does not do. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { parseBatch } from "../../src/producer/batch.ts";
import { User } from "../e2e/harness.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
	scripts: Record<string, string>;
};
const program = buildProgram({ env: {}, done: () => {} });

function blocks(language: string): string[] {
	return [...README.matchAll(/^```(\w+)\n(.*?)^```$/gms)]
		.filter(([, name]) => name === language)
		.map(([, , text]) => text ?? "");
}

function blockWith(language: string, part: string): string {
	const found = blocks(language).find((text) => text.includes(part));
	if (found === undefined) throw new Error(`the README has no ${language} block with ${part}`);
	return found;
}

let user: User | undefined;
afterEach(() => user?.cleanup());

test("its table lists exactly the commands of `dispatch --help`", () => {
	const listed = [...README.matchAll(/^\| `dispatch ([a-z]+)` \|/gm)].map(([, name]) => name);
	const shown = program
		.createHelp()
		.visibleCommands(program)
		.map((command) => command.name())
		.filter((name) => name !== "help");
	expect(listed.sort()).toEqual(shown.sort());
});

test("every `dispatch` line of its examples names commands and options that exist", () => {
	const lines = [...blocks("sh"), ...blocks("console")]
		.flatMap((text) => text.split("\n"))
		.flatMap((line) => /^(?:\$ )?dispatch ([a-z].*)$/.exec(line)?.[1] ?? []);
	expect(lines.length).toBeGreaterThan(8);
	for (const line of lines) {
		const [name = "", ...words] = line.replace(/"[^"]*"/g, "TEXT").split(" ");
		const command = program.commands.find((each) => each.name() === name);
		expect(command?.name(), line).toBe(name);
		const known = [...(command?.options ?? []), ...program.options].flatMap(({ long, short }) => [
			long,
			short,
		]);
		for (const word of words.filter((each) => /^-./.test(each))) expect(known, line).toContain(word);
	}
});

test("every `npm run` of it is a script, every page it links is there", () => {
	const named = [...README.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name);
	expect(named).toContain("bench");
	expect(named.filter((name) => !(name in scripts))).toEqual([]);
	const linked = [...README.matchAll(/\]\(([\w./-]+)\)/g)].map(([, path = ""]) => path);
	expect(linked).toContain("docs/ARCHITECTURE.md");
	expect(linked.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

const noTemplate = () => ({ prompt: null, addition: null, plan: "" });

test("its batch file is one", () => {
	const options = {
		key: null,
		unattended: true,
		createdBy: "me@here",
		readPlan: () => "",
		fillTemplate: noTemplate,
	};
	const file = join(ROOT, "tasks.yaml");
	expect(
		parseBatch(blockWith("yaml", "tasks:"), { ...options, file }).map(({ request }) => request.id),
	).toEqual(["secrets", "licences"]);
});

test("its session runs exactly as printed", async () => {
	const mine = new User({ env: { DISPATCH_CONFIG: "../config.yaml" } });
	user = mine;
	mkdirSync(join(mine.path, "bin"));
	mine.write("../bin/reviewer.sh", blockWith("sh", "dispatch ask"), 0o755);
	mine.write("../config.yaml", blockWith("yaml", "default: reviewer").replaceAll("/home/ann", mine.path));
	for (const step of blockWith("console", "dispatch enqueue").split(/^\$ /m).slice(1)) {
		const [line = "", ...printed] = step.split("\n");
		const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
		const { stdout, stderr } = await mine.run(words.slice(1));
		const shown = stdout.replaceAll(mine.project, "/home/ann/shop");
		expect(`${stderr}${shown}`, line).toBe(printed.join("\n"));
	}
});
