import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonWithoutCommands, runnerOf, withoutCommands } from "../../src/cli/show/runner.ts";
import { plain } from "../../src/task/clean-text.ts";
import { commandsIn } from "../runner-commands.ts";

const COMMANDS = [
	"::set-output name=token::stolen",
	"  \t::add-mask::a",
	"\u00a0\u3000::error file=a,line=1::made up",
	"\u00ad:\u200b:stop-commands::y",
	"text ##[set-env name=PATH]/tmp",
	"#\u200d#[add-path]/tmp",
	"##vso[task.setvariable variable=token]stolen",
	"a##v\u00adso[task.complete]b",
	"##TeamCity[buildStatus text='fine']",
	"x\r::notice::y",
	"\u0085::error::y",
];

test.each(COMMANDS)("%j is a command to a runner, and none in what is printed", (command) => {
	expect(commandsIn(command)).not.toEqual([]);
	expect(commandsIn(withoutCommands(plain(command)))).toEqual([]);
});

const pieces = fc.constantFrom(
	...[":", "::", "#", "##", "[", "]", "vso", "error", "set-output name=a", "endgroup", "teamcity", "group"],
	...[
		" ",
		"\n",
		"\r",
		"\t",
		"\u00ad",
		"\u200b",
		"\u2028",
		"\x1b[0K",
		"\x1b[31m",
		"section_end:1:a",
		"é",
		"x",
	],
);

test("whatever an agent says, no line of it is a command, and a blank is all that it gets", () => {
	fc.assert(
		fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
			const said = plain(parts.join(""));
			const shown = withoutCommands(said);
			expect(commandsIn(shown)).toEqual([]);
			expect(shown.replaceAll(" ", "")).toBe(said.replaceAll(" ", ""));
			expect(withoutCommands(shown)).toBe(shown);
		}),
	);
});

test("a JSON document has no command in it, and the same values", () => {
	fc.assert(
		fc.property(fc.array(pieces, { maxLength: 20 }), (parts) => {
			const value = { text: parts.join(""), list: parts };
			const document = jsonWithoutCommands(JSON.stringify(value));
			expect(commandsIn(document)).toEqual([]);
			expect(JSON.parse(document)).toEqual(value);
		}),
	);
});

test.each([
	"a::b",
	"std::vector<int>",
	"# Heading",
	"## Heading [link](x)",
	"- [x] done",
	"a: b",
	"#[derive]",
])("%j stays as it is", (text) => {
	expect(withoutCommands(text)).toBe(text);
});

describe("which runner it is", () => {
	test.each([
		[{}, null],
		[{ CI: "false" }, null],
		[{ CI: "true" }, "other"],
		[{ TF_BUILD: "True" }, "other"],
		[{ TEAMCITY_VERSION: "2025.1" }, "other"],
		[{ CI: "true", GITHUB_ACTIONS: "true" }, "github"],
		[{ CI: "true", GITLAB_CI: "true" }, "gitlab"],
	])("%j: %s", (env, runner) => {
		expect(runnerOf(env)).toBe(runner);
	});
});
