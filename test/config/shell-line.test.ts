/** Where the prompt arrives: each line is run by a real shell, with programs that say what they got. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shellInvocation } from "../../src/backends/command-line.ts";
import { argumentPlace } from "../../src/backends/shell-line.ts";
import { cliOf } from "../../src/backends/started.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const PROMPT = "touch ran-as-a-command";

/** The prompt arrives at the agent. */
const GOOD = [
	"claude -p",
	"claude -p   ",
	"env -u X claude -p",
	'claude -p --add-dir "$(pwd)"',
	'claude -p --settings \'{"a": "b;c|d # e"}\'',
	"cd . && claude -p",
	"cd . || exit 1; claude -p",
	"echo ctx | claude -p",
	"X=1 claude -p",
	"claude -p 2>err.log",
	"claude -p 2>&1",
	"claude -p >>all.log 2>&1",
	"cd .\nclaude -p",
	"# ours\nclaude -p",
	"claude -p \\\n  --verbose",
	"claude -p a#b",
	'claude -p "$@" | tee log',
	'claude -p "$@" || true',
	'claude -p "$@" # with a note',
	'(cd . && claude -p "$@")',
	'if true; then claude -p "$@"; fi',
	'claude -p "$@"; echo done',
	"exec claude -p",
	"claude -p \\;",
	"claude -p 'it'\\''s'",
	"claude -p `echo --verbose`",
	"claude -p $\u007bNOTHING}",
	"claude -p $(echo --verbose)",
	"claude -p --title done",
];

/** It would arrive elsewhere, or nowhere. */
const BAD: [line: string, why: RegExp][] = [
	["claude -p | tee log", /`tee log`/],
	["claude -p |", /ends in `\|`/],
	["claude -p ||", /ends in `\|\|`/],
	["claude -p &&", /ends in `&&`/],
	["claude -p ;", /ends in `;`/],
	["claude -p &", /ends in `&`/],
	["claude -p # the usual one", /comment/],
	["claude -p\n# the usual one", /comment/],
	["claude -p || true", /`true`/],
	["claude -p; echo done", /`echo done`/],
	["claude -p && notify-send done", /`notify-send done`/],
	["claude -p\necho done", /`echo done`/],
	["claude -p 2>&1 | grep -v noise", /`grep -v noise`/],
	["claude -p \\", /backslash/],
	["claude -p 'open", /quote/],
	['claude -p "open', /quote/],
	["claude -p `open", /quote/],
	['claude -p "$(pwd"', /bracket|quote/],
	["(claude -p)", /group/],
	["{ claude -p; }", /group/],
	["if true; then claude -p; fi", /group/],
	["claude -p >", /redirection/],
	["claude -p 2>>", /redirection/],
	["claude -p <<EOF\nx\nEOF", /here-document/],
	["my-agent | tee log", /`tee log`/],
	["my-agent || true", /`true`/],
	["my-agent &", /`&`/],
	// The shell is sh, where this is no redirection of both.
	["claude -p &>all.log", />all\.log/],
	["claude -p | codexlog", /`codexlog`/],
];

/** Each program of the lines tells on a file of its own which words it got. */
function run(line: string): { agent: string[] | null; ranPrompt: boolean } {
	const folder = temporaryFolder("sl");
	const bin = join(folder, "bin");
	mkdirSync(bin);
	for (const name of ["claude", "my-agent"])
		writeFileSync(join(bin, name), `#!/bin/sh\nfor w; do printf '%s\\n' "$w"; done > "${folder}/got"\n`, {
			mode: 0o755,
		});
	const [program = "", ...words] = shellInvocation(line, [PROMPT]);
	try {
		execFileSync(program, words, { cwd: folder, env: { PATH: `${bin}:/usr/bin:/bin` }, stdio: "ignore" });
	} catch {
		// What it got is what counts.
	}
	const told = execFileSync("sh", ["-c", "cat got 2>/dev/null; ls"], { cwd: folder, encoding: "utf8" });
	return { agent: told.split("\n"), ranPrompt: told.includes("\nran-as-a-command") };
}

describe("the prompt", () => {
	test.each(GOOD)("arrives: %s", (line) => {
		expect(argumentPlace(line).kind).not.toBe("nowhere");
		expect(run(line).agent).toContain(PROMPT);
	});

	test.each(BAD)("would not arrive, and the config says so: %s", (line, why) => {
		expect(argumentPlace(line)).toMatchObject({ kind: "nowhere", why: expect.stringMatching(why) });
		for (const section of ["backends", "agents"]) {
			const text = `${section}:\n  mine: { command: ${JSON.stringify(line)} }\n`;
			expect(() => parseConfig(text, "/c.yaml", {})).toThrow(
				/^\/c\.yaml:2:\d+: \w+\.mine\.command: The line [^\n]*"\$@"/,
			);
		}
	});

	test("any line is read in the end, and one that is accepted hands the prompt on", () => {
		const part = fc.constantFrom(
			"'",
			'"',
			"\\",
			"|",
			"&",
			";",
			"#",
			" ",
			"(",
			")",
			"`",
			"$(",
			"x",
			">",
			"\n",
			'"$@"',
			"true",
		);
		fc.assert(
			fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
				const place = argumentPlace(`claude ${parts.join("")}`);
				expect(["end", "given", "nowhere"]).toContain(place.kind);
			}),
			{ numRuns: 2_000 },
		);
	});
});

test.each([
	["ionice -c 3 claude -p", "claude"],
	["nice -n 10 claude -p", "claude"],
	["env A=1 -u B claude -p", "claude"],
	["timeout -s KILL 1h codex exec", "codex"],
	["/usr/bin/env /opt/bin/claude -p", "/opt/bin/claude"],
	["stdbuf -oL -eL codex exec", "codex"],
	["sudo -u agent claude -p", "claude"],
	["chrt -i 0 nice claude -p", "claude"],
	["systemd-run --user --scope -p MemoryMax=4G claude -p", "claude"],
	["npx -y codex exec", "codex"],
	["my-runner agent --x", null],
	["python agent.py", null],
	["FOO=bar agent -p", "agent"],
])("the CLI of %s", (line, program) => {
	expect(cliOf(line)?.program ?? null).toBe(program);
});
