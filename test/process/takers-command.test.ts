/** Who has a place is named to people by its command, which everybody may read (`ps`), and which no message repeats whole. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { lockedOut } from "../../src/process/place-holders.ts";
import { rememberSecret } from "../../src/task/secrets.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const known = "plKnown0123456789".repeat(4);

/** What somebody gave a program, and what is shown of it. */
const ARGUMENTS: Record<string, [args: string[], shown: RegExp]> = {
	"a secret by its option": [["--api-key=plAnted", "x"], / --api-key=\*\*\* x\)/],
	"a secret behind its option": [["--api-key", "plAnted two words"], / --api-key \*\*\*\)/],
	"one of two words": [["--api-key=two plAnted"], / --api-key=\*\*\*\)/],
	"a header": [["-H", "Authorization: Bearer plAnted"], / -H 'Authorization: \*\*\*'\)/],
	"an address": [["https://u:plAnted@h/x"], / https:\/\/\*\*\*@h\/x\)/],
	"a known secret where it is cut": [["x".repeat(50), known], / x{50} '?\[A_KEY\]'?\)/],
	"a known secret where reading ends": [
		["--a-key", "x".repeat(3_950), known, "y".repeat(400)],
		/ --a-key \*\*\*\)/,
	],
};

test.each(Object.entries(ARGUMENTS))(
	"%s in the command of who has locked a place is not shown",
	async (_, [args, shown]) => {
		rememberSecret("A_KEY", known);
		const folder = temporaryFolder("taker");
		writeFileSync(join(folder, "lock"), "");
		writeFileSync(join(folder, "holds"), "exec 9<lock; flock 9; echo held; read end");
		// Its words are those of a shell that runs a file and waits.
		const child = spawn("sh", ["holds", ...args], { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
		const closed = once(child, "close");
		onTestFinished(async () => {
			child.stdin.end();
			await closed;
		});
		await once(child.stdout, "data");
		const said = lockedOut(join(folder, "lock"))?.message ?? "";
		expect(said).toMatch(shown);
		expect(said).not.toMatch(/plAnted|plKnown/);
	},
);
