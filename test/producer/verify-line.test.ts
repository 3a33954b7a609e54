/** An item in a line of the shell is one word, in every shell that may be `sh`, or the line is refused. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { verifyFor } from "../../src/producer/batch/verify-line.ts";
import { DispatchError } from "../../src/task/errors.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const folder = temporaryFolder("line");
const heard = join(folder, "heard");
const planted = join(folder, "planted");
const SHELLS = [["dash"], ["bash", "--posix"]].filter(
	([name = ""]) => spawnSync(name, ["-c", ":"]).status === 0,
);

const HOSTILE = [
	"a b",
	"a --version",
	"a' b",
	'a" b',
	`x$(touch ${planted})`,
	`x\`touch ${planted}\``,
	`a[$(touch ${planted})]`,
	"*",
	"a\\",
	"$_item",
	"x;y",
	"x)y",
	"#x",
	"ü 😀",
];

beforeAll(() => {
	// What it was given: the number of its words, then each, ended by a NUL.
	writeFileSync(join(folder, "p"), `#!/bin/sh\nprintf '%s\\0' "$#" "$@" >>'${heard}'\n`);
	chmodSync(join(folder, "p"), 0o755);
});

const refuse = (why: string) => new DispatchError("DISPATCH_USAGE", why);
const lineOf = (form: string, name: string) =>
	verifyFor(form, { items: [{ name, shown: name, at: null }], index: 1, isChunk: false }, refuse);

/** null: refused */
function accepted(form: string, name: string): string | null {
	try {
		return lineOf(form, name);
	} catch (error) {
		expect(error).toBeInstanceOf(DispatchError);
		return null;
	}
}

/** Each call of `p` as the list of its words. */
function callsOf(line: string, [shell = "", ...options]: readonly string[]): string[][] {
	rmSync(heard, { force: true });
	const env = { PATH: `${folder}${delimiter}${process.env.PATH}` };
	spawnSync(shell, [...options, "-c", line], { cwd: folder, env, stdio: "ignore" });
	const words = existsSync(heard) ? readFileSync(heard, "utf8").split("\0").slice(0, -1) : [];
	const calls: string[][] = [];
	while (words.length > 0) calls.push(words.splice(0, 1 + Number(words[0])).slice(1));
	return calls;
}

/** Forms as people write them, right and wrong ones, and what stands around them. */
const LEAVES = [
	"p {{item}}",
	'p "{{item}}"',
	"p '{{item}}'",
	'p x {{item}} "y z"',
	"p {{item}} # it's {{index}}",
	"p 'x\"y'; p {{item}}",
	'p "x\'y"; p {{item}}',
	'p ")"; p {{item}}',
];
const AROUND: ((inner: string) => string)[] = [
	(inner) => inner,
	(inner) => `"$(${inner}\n)"`,
	(inner) => `p "$(${inner}\n)"`,
	(inner) => `test "$(${inner}\n)" = 0`,
	(inner) => `p $(${inner}\n)`,
	(inner) => `(${inner}\n)`,
	(inner) => `if ${inner}\nthen p {{item}}; fi`,
	(inner) => `{ ${inner}\n}`,
	(inner) => `p "a $(${inner}\n) b" {{item}}`,
	(inner) => `p "\${x:-"$(${inner}\n)"}"`,
	(inner) => `case a in a) ${inner}\n;; esac`,
	(inner) => `p "$(case a in a) ${inner}\n;; esac)"`,
];
/** What the forms give `p` beside the item; `$(…)` prints nothing here. */
const BESIDE = ["x", "y z", "", "a  b", 'x"y', "x'y", ")"];

function isWhole(form: string, value: string): boolean | null {
	const line = accepted(form, value);
	if (line === null) return null;
	return SHELLS.every((shell) => {
		const calls = callsOf(line, shell);
		const words = calls.flat().filter((word) => !BESIDE.includes(word));
		return calls.length > 0 && words.every((word) => word === value) && !existsSync(planted);
	});
}

describe("an item in a line of the shell", () => {
	test.each(AROUND.map((around) => [around("…"), around] as const))(
		"within %s: one word, or refused",
		(_shown, around) => {
			const verdicts = LEAVES.map((leaf) => [leaf, isWhole(around(leaf), "a b")]);
			expect(verdicts.filter(([, verdict]) => verdict === false)).toEqual([]);
		},
	);

	test("whatever it holds, and however deep", () => {
		const around = fc.array(fc.constantFrom(...AROUND), { minLength: 0, maxLength: 2 });
		fc.assert(
			fc.property(around, fc.constantFrom(...LEAVES), fc.constantFrom(...HOSTILE), (wraps, leaf, value) => {
				expect(
					isWhole(
						wraps.reduce((inner, wrap) => wrap(inner), leaf),
						value,
					),
				).not.toBe(false);
			}),
			{ numRuns: 30 },
		);
	});

	test.each([
		'test "$(grep -c foo {{item}})" = 0',
		"npx eslint {{item}} && echo ok",
		"( cd sub; p {{item}} )",
		'p "$(dirname {{item}})" {{item}}',
		'for f in {{item}}; do p "$f"; done',
		"npm run read {{item}}",
		"grep -v x {{item}}",
	])("%s is taken", (form) => {
		expect(lineOf(form, "a b")).toMatch(/^_item='a b'; .*"\$_item"/);
	});

	test.each([
		['test "$(grep -c foo "{{item}}")" = 0', "a whole word already"],
		["[[ {{item}} -eq 0 ]]", "[["],
		["p $[{{item}}]", "arithmetic"],
		["test -v {{item}}", "-v of printf or test"],
		["[ -v {{item}} ]", "-v of printf or test"],
		["printf -v {{item}} x", "-v of printf or test"],
		["p $" + "{a[{{item}}]}", "more than a name"],
		["declare -i n={{item}}", "declare"],
		["x=1; unset {{item}}", "unset"],
		["if read {{item}}; then :; fi", "read"],
		["case {{item}} in x) p;; esac", "case"],
	])("%s is refused: %s", (form, why) => {
		expect(() => lineOf(form, "a")).toThrow(why);
	});
});

test("what is refused for bash is no theory: the shell runs the name of a file", () => {
	const run = (line: string) => execFileSync("bash", ["--posix", "-c", line, "_"], { stdio: "ignore" });
	const name = `a[$(touch ${planted})]`;
	expect(() => lineOf("[[ {{item}} -eq 0 ]]", name)).toThrow(DispatchError);
	run(`_item='${name}'; [[ "$_item" -eq 0 ]] || true`);
	expect(existsSync(planted)).toBe(true);
	rmSync(planted);
});
