/** Ids made from items: valid whatever an item is called, and the same each time for the same items. */
import { createHash } from "node:crypto";
import { cutText } from "../../task/cut-text.ts";
import type { DispatchError } from "../../task/errors.ts";
import { MAX_GIVEN_CHARS } from "../../task/id.ts";
import { type Group, PLACE } from "./items.ts";

const HASH_CHARS = 6;
/** Letters that are no letter with a mark on it. */
const LETTERS: Readonly<Record<string, string>> = {
	ß: "ss",
	æ: "ae",
	œ: "oe",
	ø: "o",
	đ: "d",
	ð: "d",
	þ: "th",
	ł: "l",
	ı: "i",
};

/**
 * The ids of one task's groups. Of a name that has no letter of an id its hash stands there; names that would give the same
 * id get theirs behind it.
 * @param template with `{{item}}`, `{{items}}` or `{{index}}`
 * @throws what `refuse` makes for a template that leaves no room
 */
export function idsFor(
	template: string,
	groups: readonly Group[],
	refuse: (why: string) => DispatchError,
): string[] {
	const ids = groups.map((group) => idFor(template, group, refuse));
	const times = new Map<string, number>();
	for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
	return ids.map((id, n) => {
		const group = groups[n];
		return group === undefined || times.get(id) === 1 ? id : withEnd(id, hashOf(group));
	});
}

/** Of the items of a group, by all of what they are called. */
export function hashOf({ items }: Group, chars = HASH_CHARS): string {
	const names = JSON.stringify(items.map(({ name }) => name));
	return createHash("sha256").update(names).digest("hex").slice(0, chars);
}

function idFor(template: string, group: Group, refuse: (why: string) => DispatchError): string {
	const slug = slugOf(group.items.map(({ name }) => name).join(" ")) || hashOf(group);
	const filledWith = (word: string) =>
		template.replace(PLACE, (_all, name: string) => (name === "index" ? String(group.index) : word));
	const id = filledWith(slug);
	if (id.length <= MAX_GIVEN_CHARS) return id;
	const places = [...template.matchAll(PLACE)].filter(([, name]) => name !== "index").length;
	const room = Math.floor((MAX_GIVEN_CHARS - filledWith("").length) / Math.max(1, places)) - HASH_CHARS - 1;
	if (room < 1) throw refuse(`leaves no room for an item: an id has at most ${MAX_GIVEN_CHARS} characters`);
	// A path says at its end what it is.
	const end = slug.slice(-room);
	return filledWith(`${end.slice(end.indexOf("-") + 1).replace(/^-+/, "")}-${hashOf(group)}`);
}

function withEnd(id: string, end: string): string {
	return `${cutText(id, MAX_GIVEN_CHARS - end.length - 1, "").replace(/-+$/, "")}-${end}`;
}

/** Words of an id, as far as the text has any. */
export function slugOf(text: string): string {
	return text
		.toLowerCase()
		.replace(/[ßæœøđðþłı]/g, (letter) => LETTERS[letter] ?? "")
		.normalize("NFKD")
		.replace(/\p{M}+/gu, "")
		.replace(/[^a-z0-9]+/g, "-")
		.replace(/^-+|-+$/g, "");
}
