/** Choices that stand at the end of a question, as `dispatch ask --option` writes them. */
export interface AskedOptions {
	/** the question without them */
	lead: string;
	options: string[];
}

const OPTION = /^\s*(\d{1,2})[.)]\s+(\S.*)$/;

/** @returns options empty where there are fewer than two, or where the numbers do not go 1, 2, 3 … */
export function optionsOf(text: string): AskedOptions {
	const lines = text.trimEnd().split("\n");
	const found: string[] = [];
	let first = lines.length;
	for (let at = lines.length - 1; at >= 0; at--) {
		const [, , option] = OPTION.exec(lines[at] ?? "") ?? [];
		if (option === undefined) break;
		found.unshift(option.trim());
		first = at;
	}
	const inOrder = lines.slice(first).every((line, n) => Number(OPTION.exec(line)?.[1]) === n + 1);
	if (found.length < 2 || !inOrder) return { lead: text.trimEnd(), options: [] };
	return { lead: lines.slice(0, first).join("\n").trimEnd(), options: found };
}
