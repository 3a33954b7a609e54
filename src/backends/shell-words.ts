/** The words of a shell line with their places, so that one can be replaced without touching the rest. */

interface ShellWord {
	/** as it is written, quotes included */
	text: string;
	start: number;
	end: number;
}

/** Blanks separate words, except in quotes, behind a backslash and in `$(…)` and backticks. */
export function shellWords(line: string): ShellWord[] {
	const words = line.matchAll(
		/(?:\\[\s\S]|"(?:\\[\s\S]|[^"\\])*"|'[^']*'|`[^`]*`|\$\([^)]*\)|[^\s\\"'`])+|["'`\\]/g,
	);
	return [...words].map((word) => ({ text: word[0], start: word.index, end: word.index + word[0].length }));
}

/** Replaces a flag; null where the line has none of that name. */
export function replaceFlag(line: string, flag: string, replacement: string): string | null {
	const word = shellWords(line).find(({ text }) => text === flag);
	if (word === undefined) return null;
	return (line.slice(0, word.start) + replacement + line.slice(word.end)).replace(/ +$/, "");
}

/** Takes a flag and its value out (`--model x`, `--model=x`). @returns the value; null where there is none */
export function takeFlag(line: string, flags: readonly string[]): { value: string; rest: string } | null {
	const words = shellWords(line);
	for (const [at, { text, start, end }] of words.entries()) {
		const name = flags.find((flag) => text === flag || text.startsWith(`${flag}=`));
		if (name === undefined) continue;
		const next = words[at + 1];
		if (text === name && next === undefined) return null;
		const value = text === name ? (next?.text ?? "") : text.slice(name.length + 1);
		const rest = line.slice(0, start).trimEnd() + line.slice(text === name ? next?.end : end);
		return { value: value.replace(/^(["'])(.*)\1$/, "$2"), rest: rest.trim() };
	}
	return null;
}

/**
 * Where the program's own words begin: flags before it are another program's (`timeout -s KILL 1h codex …`,
 * `ionice -c 3 claude …`). 0 where it is not found.
 */
export function ownWordsStart(line: string, programs: readonly string[]): number {
	const word = shellWords(line).find(({ text }) =>
		programs.includes(text.replace(/^["']|["']$/g, "").replace(/^.*\//, "")),
	);
	return word?.end ?? 0;
}
