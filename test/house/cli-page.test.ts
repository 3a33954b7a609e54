import { expect, test } from "vitest";
import { examplesOf } from "../../src/cli/program/help.ts";
import { buildProgram } from "../../src/cli/program/program.ts";
import { referencePage, visibleCommands } from "./cli-page.ts";

const program = buildProgram({ env: {}, done: () => {} });

test("docs/CLI.md is what the definitions say (mend it with `npm run docs`)", async () => {
	await expect(referencePage(program)).toMatchFileSnapshot("../../docs/CLI.md");
});

test("every command has an example in its help, which begins with its own name", () => {
	for (const command of visibleCommands(program)) {
		const examples = examplesOf(command);
		expect(examples.length, command.name()).toBeGreaterThan(0);
		for (const line of examples) expect(line).toContain(`dispatch ${command.name()}`);
	}
});
