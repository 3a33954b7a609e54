/** What the name of a model tells: whose it is, and whether a word can be one at all. */
import { KNOWN_CLIS, type KnownCli } from "./known.ts";

/** The CLI of the maker; null where it has none here. */
export function makersCli(name: string): KnownCli | null {
	const lower = name.toLowerCase();
	return KNOWN_CLIS.find(({ models }) => models.isMakers(lower)) ?? null;
}

export function looksLikeModel(word: string): boolean {
	const lower = word.toLowerCase();
	return KNOWN_CLIS.some(({ models }) => models.form.test(lower));
}

/** A full id stays as it is written; Bedrock's tell upper from lower case. */
export function asAsked(name: string): string {
	return KNOWN_CLIS.some(({ models }) => models.isFullId(name)) ? name : name.toLowerCase();
}

/** Only a version or a family goes on: "sonnet 4.6", "claude opus", "gpt 5.3 codex". @param word in lower case */
export function goesOn(word: string): boolean {
	return /^\d[\d.]*$/.test(word) || KNOWN_CLIS.some(({ models }) => models.further.includes(word));
}

/** "claude-opus" → "opus". @param name in lower case */
export function withoutPrefix(name: string): string {
	const prefix = KNOWN_CLIS.map(({ models }) => models.prefix).find(
		(each) => each !== "" && name.startsWith(each),
	);
	return name.slice(prefix?.length ?? 0);
}
