/** Whether the items that a user gave are still in the plan, although agents reword what they tick. */
import { type Plan, type PlanItem, plainItemText } from "./plan.ts";

export interface GivenItems {
	/** no longer in the plan in any form */
	gone: string[];
	/** found in other words: by their place, or by the words they share */
	reworded: string[];
}

const MOST_WORDS = 60;
/** Two short items may share half of their words by chance. */
const WORDS_TO_COMPARE = 3;

interface Given {
	at: number;
	item: string;
	text: string;
	words: Set<string>;
}

/**
 * Each given item needs an item of its own, looked for in three rounds: one that begins with its text, one
 * that shares at least half of its words, and, when the plan has as many items as were given and most of
 * them were found, the one at its place.
 */
export function compareGiven(given: readonly string[], plan: Plan): GivenItems {
	const free = new Set(plan.items);
	let missing = given
		.map((item, at) => ({ at, item, text: loose(item), words: wordsOf(loose(item)) }))
		// Blanks and control characters alone make no item of a plan.
		.filter(({ item }) => /[^\s\p{Cc}]/u.test(item))
		// The longest first: "Fix" must not take the only place of "Fix tests".
		.sort((a, b) => b.text.length - a.text.length);
	const place = (round: (one: Given) => PlanItem | undefined) => {
		missing = missing.filter((one) => {
			const found = round(one);
			return found === undefined || !free.delete(found);
		});
	};
	const current = new Map(plan.items.map((item) => [item, loose(item.text)]));
	place(({ text }) => [...free].find((item) => (current.get(item) ?? "").startsWith(text)));
	const rest = missing;
	const words = new Map(
		[...free].map((item) => [item, wordsOf(`${current.get(item)} ${loose(item.note ?? "")}`)]),
	);
	place((one) => nearest(one, free, words));
	if (plan.items.length === given.length && missing.length * 2 <= given.length) {
		place(({ at }) => {
			const item = plan.items[at];
			return item !== undefined && free.has(item) ? item : undefined;
		});
	}
	const inOrder = (some: Given[]) => [...some].sort((a, b) => a.at - b.at).map(({ item }) => item);
	return { gone: inOrder(missing), reworded: inOrder(rest.filter((one) => !missing.includes(one))) };
}

function nearest(
	{ words }: Given,
	free: ReadonlySet<PlanItem>,
	wordsOfItem: ReadonlyMap<PlanItem, Set<string>>,
): PlanItem | undefined {
	let best: { item: PlanItem; share: number } | undefined;
	if (words.size === 0) return undefined;
	for (const item of free) {
		const others = wordsOfItem.get(item) ?? new Set();
		const share = [...words].filter((word) => others.has(word)).length / words.size;
		const needed = words.size < WORDS_TO_COMPARE ? 1 : 0.5;
		if (share >= needed && share > (best?.share ?? 0)) best = { item, share };
	}
	return best?.item;
}

/** Without what agents add while ticking: emphasis, strokes, numbers, signs, other case and punctuation. */
function loose(text: string): string {
	return plainItemText(text)
		.normalize("NFKC")
		.toLowerCase()
		.replace(/^(?:\s|[*_~`#]|\p{Extended_Pictographic}\ufe0f?|\d{1,3}[.):]\s)+/u, "")
		.replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
		.trim();
}

/** Languages without spaces are compared by their pairs of characters. */
function wordsOf(text: string): Set<string> {
	const words =
		text.match(/[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]{2,}|[\p{L}\p{M}\p{N}]+/gu) ?? [];
	const parts = words.flatMap((word) =>
		/^[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/u.test(word)
			? [...word].slice(1).map((_, n) => [...word].slice(n, n + 2).join(""))
			: [word],
	);
	return new Set(parts.slice(0, MOST_WORDS));
}
