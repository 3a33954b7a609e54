/** Whether the items that a user gave are still in the plan, although agents reword what they tick. */

import { type Plan, type PlanItem, plainItemText } from "./plan.ts";
import { contradictionBelow, contradictionIn } from "./plan-contradiction.ts";

export interface GivenItems {
	/** no longer in the plan in any form */
	gone: string[];
	/** found in other words: by their place, or by the words they share */
	reworded: string[];
}

const MOST_WORDS = 60;
/** Two short items may share half of their words by chance. */
const WORDS_TO_COMPARE = 3;

const STEM_CHARS = 6;
const IRREGULAR = new Map([
	["wrote", "writ"],
	["ran", "run"],
	["built", "build"],
	["made", "make"],
]);
/** They are shared by chance. */
const SMALL_WORDS = new Set(
	"an and at by for from in into is it of on or the to with der die das ein eine und für im in mit von zu de du des et la le les un une el en los las una".split(
		" ",
	),
);

interface Given {
	at: number;
	item: string;
	text: string;
	words: Set<string>;
}

/** A ticked item that says of itself that it is not done: "- [x] Tests (not done)". */
export interface Contradiction {
	item: PlanItem;
	said: string;
}

/** @param given what a user wrote so is no contradiction: "Show tasks (pending)" */
export function contradictions(given: readonly string[], plan: Plan): Contradiction[] {
	return plan.items.flatMap((item) => {
		const said =
			item.marker === "x" ? (contradictionIn(item.text) ?? contradictionBelow(item.note ?? "")) : null;
		return said === null || given.some((text) => text.includes(said)) ? [] : [{ item, said }];
	});
}

/**
 * Each given item needs an item of its own, looked for in rounds: one that begins with its text, one that
 * shares at least half of its words, and, when the plan has as many items as were given, the one at its
 * place: if that shares a word, or if most of the given ones were found.
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
	const byWord = itemsByWord(free, current);
	place((one) => nearest(one, free, byWord));
	if (plan.items.length === given.length) {
		const atPlace = ({ at }: Given) => {
			const item = plan.items[at];
			return item !== undefined && free.has(item) ? item : undefined;
		};
		place((one) => {
			const item = atPlace(one);
			const words = wordsOf((item && current.get(item)) ?? "");
			return [...one.words].some((word) => words.has(word)) ? item : undefined;
		});
		if (missing.length * 2 <= given.length) place(atPlace);
	}
	const inOrder = (some: Given[]) => [...some].sort((a, b) => a.at - b.at).map(({ item }) => item);
	return { gone: inOrder(missing), reworded: inOrder(rest.filter((one) => !missing.includes(one))) };
}

/** A thousand items against a thousand are compared by the words that they share, not each with each. */
function itemsByWord(
	items: ReadonlySet<PlanItem>,
	textOf: ReadonlyMap<PlanItem, string>,
): ReadonlyMap<string, PlanItem[]> {
	const found = new Map<string, PlanItem[]>();
	for (const item of items) {
		for (const word of wordsOf(`${textOf.get(item)} ${loose(item.note ?? "")}`)) {
			const those = found.get(word);
			if (those === undefined) found.set(word, [item]);
			else those.push(item);
		}
	}
	return found;
}

/** The free item that shares most of the words, of several the first. */
function nearest(
	{ words }: Given,
	free: ReadonlySet<PlanItem>,
	byWord: ReadonlyMap<string, PlanItem[]>,
): PlanItem | undefined {
	const shared = new Map<PlanItem, number>();
	for (const word of words)
		for (const item of byWord.get(word) ?? []) shared.set(item, (shared.get(item) ?? 0) + 1);
	const needed = words.size * (words.size < WORDS_TO_COMPARE ? 1 : 0.5);
	let best: PlanItem | undefined;
	let most = 0;
	for (const item of free) {
		const count = shared.get(item) ?? 0;
		if (count < needed || count <= most) continue;
		best = item;
		most = count;
	}
	return best;
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
			: [stem(word)],
	);
	const telling = parts.filter((word) => !SMALL_WORDS.has(word));
	return new Set((telling.length === 0 ? parts : telling).slice(0, MOST_WORDS));
}

/** "write", "written"; "tests", "test"; "fixed", "fix": agents tick in another tense than they were told in. */
function stem(word: string): string {
	const irregular = IRREGULAR.get(word);
	if (irregular !== undefined) return irregular;
	const bare = word.length > 4 ? word.replace(/(?:ing|ten|ed|es|en|s|e)$/u, "") : word;
	return [...bare].slice(0, STEM_CHARS).join("");
}
