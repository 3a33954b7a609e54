/** Choices that stand at the end of a question, as `dispatch ask --option` writes them. */
export interface AskedOptions {
	/** the question without them, and without the word above them */
	lead: string;
	options: string[];
}

/** What a printed command has in place of an answer. */
export const PLACEHOLDER = "…";

/** Of the list, as `dispatch ask` writes it. */
const HEADING = /(?:^|\n)[ \t]*options:$/i;
const OPTION = /^\s*(\d{1,2})[.)]\s+(\S.*)$/;

/** @returns options empty where there are fewer than two, or where the numbers do not go 1, 2, 3 … */
export function optionsOf(text: string): AskedOptions {
	const whole = text.trimEnd();
	const found: string[] = [];
	// From the end, where the highest number stands: no more lines are read than there can be options.
	let end = whole.length;
	let next: number | null = null;
	while (end > 0) {
		const start = whole.lastIndexOf("\n", end - 1) + 1;
		const [, number, option = ""] = OPTION.exec(whole.slice(start, end).replace(/\r$/, "")) ?? [];
		if (number === undefined) break;
		if (next === 0 || Number(number) !== (next ?? Number(number))) return { lead: whole, options: [] };
		found.push(option.trim());
		next = Number(number) - 1;
		end = start - 1;
	}
	if (found.length < 2 || next !== 0) return { lead: whole, options: [] };
	const lead = whole.split(/\r?\n/).slice(0, -found.length).join("\n").trimEnd();
	return { lead: lead.replace(HEADING, "").trimEnd(), options: found.reverse() };
}

/** Whether somebody took over a printed command as it stands. */
export function isPlaceholder(answer: string): boolean {
	return answer.trim() === PLACEHOLDER;
}

export interface ChosenOption {
	/** from 1 */
	number: number;
	text: string;
}

const LONGEST_NUMBER_CHARS = 20;

/** A number as people type it: "2", "2.", "2)", in full width too. @returns its digits; null for every other text */
export function typedNumber(answer: string): string | null {
	const said = answer.trim();
	if (said.length > LONGEST_NUMBER_CHARS) return null;
	return /^(\d+)[.)]?$/.exec(said.normalize("NFKC"))?.[1] ?? null;
}

/** Whether an answer is a number, yet neither that of an option nor an option itself. */
export function namesNoOption(question: string, answer: string): boolean {
	const { options } = optionsOf(question);
	const number = typedNumber(answer);
	if (number === null || options.length === 0) return false;
	return chosenOption(question, answer) === null && !isOptionsText(options, answer, number);
}

function isOptionsText(options: readonly string[], answer: string, number: string): boolean {
	return options.includes(answer.trim()) || options.includes(number);
}

/**
 * The one rule for numbers, wherever an answer is typed: a number that is an option's number, and no option's
 * text, means that option; everything else is the answer itself.
 */
export function chosenOption(question: string, answer: string): ChosenOption | null {
	const { options } = optionsOf(question);
	const number = typedNumber(answer);
	if (number === null || !/^[1-9]\d?$/.test(number) || isOptionsText(options, answer, number)) return null;
	const text = options[Number(number) - 1];
	return text === undefined ? null : { number: Number(number), text };
}
