/** The words of a shell line with their places, so that one can be replaced without touching the rest. */

interface ShellWord {
	/** as it is written, quotes included */
	text: string;
	start: number;
	end: number;
}

/**
 * Blanks separate words, except in quotes, behind a backslash and in `$(…)` and backticks. What ends a command
 * (`|`, `;`, `&&`, a bracket, a line's end) is a word of its own.
 */
export function shellWords(line: string): ShellWord[] {
	const words = line.matchAll(
		/(?:\\[\s\S]|"(?:\\[\s\S]|[^"\\])*"|'[^']*'|`[^`]*`|\$\([^)]*\)|[<>]&|&>|>\||[^\s\\"'`|;&()])+|[|;&()]+|\n|["'`\\]/g,
	);
	return [...words].map((word) => ({ text: word[0], start: word.index, end: word.index + word[0].length }));
}

/** As the program gets it, as far as quotes go around the whole. */
export const bare = (text: string) => text.replace(/^(["'])(.*)\1$/s, "$2");

/** Replaces a flag; null where the line has none of that name. */
export function replaceFlag(line: string, flag: string, replacement: string): string | null {
	const word = shellWords(line).find(({ text }) => bare(text) === flag);
	if (word === undefined) return null;
	return (line.slice(0, word.start) + replacement + line.slice(word.end)).replace(/ +$/, "");
}

/** Takes a flag and its value out (`--model x`, `--model=x`). @returns the value; null where there is none */
export function takeFlag(line: string, flags: readonly string[]): { value: string; rest: string } | null {
	const words = shellWords(line);
	for (const [at, { text: written, start, end }] of words.entries()) {
		const text = bare(written);
		const name = flags.find((flag) => text === flag || text.startsWith(`${flag}=`));
		if (name === undefined) continue;
		const next = words[at + 1];
		if (text === name && next === undefined) return null;
		const value = text === name ? (next?.text ?? "") : text.slice(name.length + 1);
		const rest = line.slice(0, start).trimEnd() + line.slice(text === name ? next?.end : end);
		return { value: bare(value), rest: rest.trim() };
	}
	return null;
}

/**
 * Where the program's own words begin and end: flags before it are another program's (`timeout -s KILL 1h codex …`,
 * `ionice -c 3 claude …`), and so are those behind a pipe (`claude -p "$@" | grep -c x`). The whole line where it is
 * not found.
 */
export function ownWords(line: string, programs: readonly string[]): { start: number; end: number } {
	const words = shellWords(line);
	const at = words.findIndex(({ text }) => programs.includes(bare(text).replace(/^.*\//, "")));
	const own = words[at];
	if (own === undefined) return { start: 0, end: line.length };
	const next = words.find(({ text, start }) => start >= own.end && /^(?:[|;&()]|\n)/.test(text));
	return { start: own.end, end: next?.start ?? line.length };
}
