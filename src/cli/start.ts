/** The entry `dispatch`: loads the program beside it, compiled already where that can be. */
import { join } from "node:path";
import { VERSION } from "../task/version.ts";
import { mayBeTyped, maySeveral } from "./options/ids.ts";
import { loadProgram } from "./program/code-cache.ts";

/**
 * Put in by the build: the bundles with a name for their content, the commands that people and agents call all day,
 * and the words of those that need the whole program (`main`). The bundle `hot` is a fifth of it, which a start reads
 * faster; `client` a third, with all other commands; `worker` a half; `tab` is what a shell asks at every Tab.
 */
declare const DISPATCH_BUNDLES: Record<Bundle, string>;
declare const DISPATCH_HOT: readonly string[];
declare const DISPATCH_WORDS_OF_MAIN: readonly string[];

type Bundle = "main" | "worker" | "client" | "hot" | "tab";

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
	const bundle = ownBundle();
	const file = join(import.meta.dirname, `${bundle}.cjs`);
	const program = loadProgram(file, DISPATCH_BUNDLES[bundle]) as typeof import("./main.ts");
	void program.main();
}

function ownBundle(): Bundle {
	const [command = ""] = words;
	if (command === "complete") return "tab";
	if (command === "worker") return "worker";
	const needsMore =
		(command === "answer" && (maySeveral(words) || mayBeTyped(words))) ||
		["--worktree", "--dry-run", "--wait", "--follow"].some((word) => words.includes(word));
	if (DISPATCH_HOT.includes(command) && !needsMore) return "hot";
	return DISPATCH_WORDS_OF_MAIN.some((word) => words.includes(word)) ? "main" : "client";
}
