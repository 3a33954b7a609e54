/** A result as a model can take it: host agents cut or refuse what is larger, and not at a good place. */
import { cutText } from "../task/cut-text.ts";
import { withoutSecrets } from "../task/secrets.ts";

const RESULT_CHARS = 60_000;

/** From generous to strict; the first one that makes the whole small enough counts. */
const LIMITS = [
	{ chars: 20_000, items: 500 },
	{ chars: 2_000, items: 100 },
	{ chars: 300, items: 30 },
	{ chars: 100, items: 10 },
] as const;

type Limit = (typeof LIMITS)[number];

/** The value with long texts and lists cut, each with a remark of how much is missing. */
export function bounded(value: unknown): unknown {
	let cut = value;
	for (const limit of LIMITS) {
		cut = cutTo(value, limit);
		if (JSON.stringify(cut).length <= RESULT_CHARS) break;
	}
	return cut;
}

function cutTo(value: unknown, limit: Limit): unknown {
	if (typeof value === "string") return cutTold(value, limit.chars);
	if (Array.isArray(value)) {
		const kept = value.slice(0, limit.items).map((each) => cutTo(each, limit));
		return value.length > kept.length ? [...kept, `… and ${value.length - kept.length} more`] : kept;
	}
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, cutTo(each, limit)]));
}

function cutTold(text: string, limit: number): string {
	if (text.length <= limit) return text.toWellFormed();
	// A piece of a secret would not be known as one.
	return `${cutText(withoutSecrets(text), limit)} (cut here, ${text.length} characters in all)`;
}
