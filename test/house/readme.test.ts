/** The README promises nothing that the program does not do. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { buildProgram } from "../../src/cli/program/program.ts";
import { parseBatch } from "../../src/producer/batch.ts";

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

test("its table lists exactly the commands of `dispatch --help`", () => {
	const listed = [...README.matchAll(/^\| `dispatch ([a-z]+)` \|/gm)].map(([, name]) => name);
	const shown = program
		.createHelp()
		.visibleCommands(program)
		.map((command) => command.name())
		.filter((name) => name !== "help");
	expect(listed.sort()).toEqual(shown.sort());
});

test("every `npm run` of it is a script", () => {
	const named = [...README.matchAll(/npm run ([\w:]+)/g)].map(([, name = ""]) => name);
	expect(named).toContain("bench");
	expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

const noTemplate = () => ({ prompt: null, addition: null, plan: "" });

test("its batch file is one", async () => {
	const options = {
		key: null,
		unattended: true,
		createdBy: "me@here",
		readText: () => "",
		fillTemplate: noTemplate,
	};
	const file = join(ROOT, "tasks.yaml");
	const { entries } = await parseBatch(blockWith("yaml", "tasks:"), { ...options, file });
	expect(entries.map(({ request }) => request.id)).toEqual(["secrets", "licences"]);
});
