/** Glob patterns: what picomatch (which tinyglobby, vite and chokidar match by) makes of them, checked first. */
import { cutText } from "../../task/cut-text.ts";
import type { DispatchError } from "../../task/errors.ts";
import type { Path } from "./read.ts";

const SHOWN = 80;

/**
 * Patterns of which one must match a path from the directory; a directory is asked for with `/` at its end.
 * @param below where the patterns stand
 * @param hidden whether `*` stands for a dot at the beginning of a name, too
 * @throws what `refuse` makes, for a pattern that is none
 */
export async function matcherOf(
	patterns: readonly string[],
	refuse: (why: string, below?: Path) => DispatchError,
	below: Path,
	hidden: boolean,
): Promise<(path: string) => boolean> {
	const { default: picomatch } = await import("picomatch");
	const tests = patterns.map((pattern, n) => {
		const fault = faultOf(pattern);
		const at = [...below, ...(patterns.length === 1 ? [] : [n])];
		if (fault !== null) throw refuse(`"${cutText(pattern, SHOWN)}" is no pattern: ${fault}`, at);
		// What excludes a directory excludes what is in it.
		const whole = hidden && pattern.endsWith("/") ? `${pattern}**` : pattern;
		try {
			// "s": a name with a newline in it is matched as any other.
			return picomatch(whole.replace(/^(?:\.\/)+/, ""), {
				dot: hidden,
				strictBrackets: true,
				strictSlashes: true,
				flags: "s",
			});
		} catch (error) {
			throw refuse(
				`"${cutText(pattern, SHOWN)}" is no pattern: ${(error as Error).message.replace(/ - use .*$/, "")}`,
				at,
			);
		}
	});
	return (path) => tests.some((test) => test(path));
}

function faultOf(pattern: string): string | null {
	if (/^!(?!\()/.test(pattern)) return "what is to be left out stands in `exclude`";
	if (pattern.startsWith("/")) return "it begins at the directory, not at the root";
	if (pattern.split("/").includes("..")) return "it leads out of the directory; `cwd` names another one";
	if (/^(?:\.?\/)*$/.test(pattern)) return "it names no file";
	return null;
}
