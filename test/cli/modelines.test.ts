/** A question in the file that an editor opens sets none of the editor's options; seen with a real vim where there is one. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withoutModelines } from "../../src/cli/show/editor.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const VIM = [
	"vim: set ts=77:",
	"vi:ts=77",
	"> see ex: set ts=77:",
	"# vim: ts=77",
	"\tvim>100: set ts=77:",
	"vim100: set ts=77:",
	"Vim: set ts=77:",
	"vim0000000000600: set ts=77 :",
];
const OTHERS = [
	"-*- mode: eval; eval: (evil) -*-",
	"# Local Variables:\n# eval: (evil)\n# End:",
	"kak: tabstop=77",
	"#Local Variables:\n#eval: (evil)\n#End:",
	"x=Local Variables: y",
];
const folder = temporaryFolder("modelines");

/** What vim makes of its option `tabstop` in a file of this text. */
function tabstopIn(text: string): string {
	const file = join(folder, "answer.md");
	writeFileSync(file, text);
	const set = ["--cmd", "set modeline modelines=9"];
	const { stdout } = spawnSync(
		"vim",
		["-Nes", "-u", "NONE", "-i", "NONE", ...set, "-c", "verbose set ts?", "-c", "qa!", file],
		{ encoding: "utf8" },
	);
	return /tabstop=(\d+)/.exec(stdout)?.[1] ?? "";
}

const hasVim = spawnSync("vim", ["--version"]).status === 0;

test.runIf(hasVim)("an agent's question sets no option of vim", () => {
	const said = VIM.map((line) => [line, tabstopIn(`${line}\n`), tabstopIn(`${withoutModelines(line)}\n`)]);
	expect(said.filter(([, as]) => as === "77").length).toBeGreaterThan(4);
	expect(said.filter(([, , as]) => as !== "8")).toEqual([]);
});

test("what editors read options from is broken, where the reader sees it; the rest stays", () => {
	expect(VIM.map(withoutModelines).join("\n")).not.toMatch(/(?:vi|vim|ex)[<>=\d]*:/i);
	expect(OTHERS.map(withoutModelines)).toEqual([
		"- * - mode: eval; eval: (evil) - * -",
		"# Local Variables :\n# eval: (evil)\n# End:",
		"kak : tabstop=77",
		"#Local Variables :\n#eval: (evil)\n#End:",
		"x=Local Variables : y",
	]);
	const harmless = "Which index: a, b?\n1. Latex: yes\n2. neovim: no";
	expect(withoutModelines(harmless)).toBe(harmless);
});
