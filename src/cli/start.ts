/** The entry `dispatch`: loads the program beside it, compiled already where that can be. */
import { join } from "node:path";
import { VERSION } from "../task/version.ts";
import { mayBeTyped, maySeveral } from "./options/ids.ts";
import { loadProgram } from "./program/code-cache.ts";

/**
 * Put in by the build: the bundles with a name for their content, and the commands that people and agents
 * call all day. These have a bundle of their own, a fifth of the whole, that a start reads faster; so has what a
 * shell asks at every Tab.
 */
declare const DISPATCH_BUNDLES: { main: string; hot: string; tab: string };
declare const DISPATCH_HOT: readonly string[];

const words = process.argv.slice(2);

if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
	// Whoever stopped reading is no fault of ours; a full disk is.
	process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
		if (code === "EPIPE") return;
		process.exitCode = 1;
		process.stderr.write(
			`dispatch: The version could not be written to stdout: ${message}. [DISPATCH_DISK]\n`,
		);
	});
	process.stdout.write(`${VERSION}\n`);
} else {
	const needsMore =
		(words[0] === "answer" && (maySeveral(words) || mayBeTyped(words))) ||
		["--worktree", "--dry-run"].some((word) => words.includes(word));
	const isHot = DISPATCH_HOT.includes(words[0] ?? "") && !needsMore;
	const bundle = words[0] === "complete" ? "tab" : isHot ? "hot" : "main";
	const file = join(import.meta.dirname, `${bundle}.cjs`);
	const program = loadProgram(file, DISPATCH_BUNDLES[bundle]) as typeof import("./main.ts");
	void program.main();
}
