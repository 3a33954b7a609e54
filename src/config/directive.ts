/**
 * The model that a prompt asks for. Only an order to us counts: at the beginning of a sentence or clause
 * ("use opus to …", "have sonnet check …", "with opus: …", "opus: …") or as the last words of one that
 * tells us to do something ("review src/ with opus"). What stands in the middle of a sentence is about
 * something else ("Document using claude for …", "the agent should use sonnet"), and so is what stands in
 * quotes, code or paths. In doubt nothing is named, and the default is used.
 */

import { goesOn, looksLikeModel, withoutPrefix } from "../backends/model-names.ts";
import { cutText } from "../task/cut-text.ts";
import { similar } from "../task/similar.ts";

/** Only so much of a prompt is read for directives. */
const READ_CHARS = 20_000;
/** A name of several words ("claude sonnet 4.6") has at most three. */
const MAX_NAME_WORDS = 3;
/** Shorter words are near to many. */
const SHORTEST_MISSPELLED = 4;
const BEFORE_CHARS = 300;
const AFTER_CHARS = 200;

const DIRECTIVE =
	/(?<![\w./\\@#-])(use|using|with|have|ask|let|by|via|dispatch)\s+(?:(?:the|our|my)\s+)?(?:(?:model|alias|agent|backend)\s+)?(?=[*_(]*[a-z0-9])/gi;
const ADDRESS = /^\s*(?:@?)([a-z0-9][\w.-]*):\s/i;

const QUOTED: readonly RegExp[] = [
	/```[\s\S]*?(?:```|$)/g,
	/`[^`\n]*`/g,
	/"(?:[^"\n]|\n(?!\s*\n))*"/g,
	/“[^”]*”|«[^»]*»|„[^“”]*[“”]/g,
	/(?<=^|[\s(])'[^'\n]{1,200}'(?=$|[\s.,;:!?)])/gm,
	/^\s{0,3}>.*$/gm,
];

const VERB = `(?:review|fix|write|check|do|run|look|find|add|make|update|refactor|test|implement|investigate|analy[sz]e|audit|build|create|debug|explain|document|improve|clean|convert|migrate|rename|remove|delete|replace|port|plan|research|read|search|scan|verify|summari[sz]e|translate|handle|try|go|take|start|help|optimi[sz]e|upgrade|generate|draft|design|list|count|describe|compare|propose|reproduce|change|move|split|merge|simplify|tidy|rewrite|see|figure|tell|answer)\\b`;

const END = "$|\\n|[,.;:!?)\\]—–]";
const WHAT_FOR = `for\\s+(?:this|that|it|these|those|everything|all|now|me|us|the\\s+(?:task|job|work|rest|whole)|${VERB}|(?:the|a|your)\\s+(?:code\\s+|final\\s+|first\\s+)?(?:review|fix|analysis|audit|research|implementation|refactor(?:ing)?|plan(?:ning)?))`;

/** What may follow a name that is an ordinary word (an alias `quick`). */
const AFTER_WORD = new RegExp(
	`^\\s*(?:${END}|to\\s+(?:also\\s+)?${VERB}|${WHAT_FOR}|(?:please|instead|model|alias|agent|backend)\\b|and\\s+(?:then\\s+)?${VERB})`,
	"i",
);
/** What may follow a name that can only be a model. */
const AFTER_MODEL = new RegExp(
	`^\\s*(?:${END}|${WHAT_FOR}|(?:to|on|please|instead|rather|not|model|alias|agent|backend|since|because|then|here|now|only|again|first)\\b|in\\s+(?:the\\s+background|an?\\s)|and\\s+(?:then\\s+)?${VERB})`,
	"i",
);
/** The last words of a clause. */
const ENDS = /^\s*(?:please\s*)?(?:$|\n|[,.;!)\]—–])/i;
/** Said before an order: "please", "I want you to", "and then". */
const LEAD_IN =
	/^[\s>*+•-]*(?:\d+[.)]\s+)?(?:(?:please|pls|kindly|just|now|then|and|but|also|so|first|next|finally|ok(?:ay)?|hey|hi|hello|always|only|instead|maybe|better|you\s+(?:should|must|can|may|could)|(?:can|could|would|will)\s+you(?:\s+please)?|i(?:\s+(?:want|need)|['’]d\s+(?:like|prefer)|\s+would\s+(?:like|prefer))\s+(?:you\s+)?to|let['’]?s|make\s+sure\s+(?:to|you)|(?:be\s+sure|remember)\s+to|go\s+ahead\s+and|for\s+(?:this|that|the\s+rest)(?:\s+(?:task|job))?)[\s,:]*)*$/i;
const CLAUSE_STARTS = /[.!?](?=\s)|[;:,\n—–([]|\s-(?=\s)/g;
const SENTENCE_STARTS = /[.!?](?=\s)|\n\s*\n|[;]/g;
/** A sentence that tells us to do something. */
const IMPERATIVE = new RegExp(
	`^[\\s>*+•-]*(?:\\d+[.)]\\s+)?(?:(?:please|pls|kindly|just|now|then|and|also|first|next|(?:can|could|would)\\s+you|i\\s+want\\s+you\\s+to|let['’]?s)[\\s,]+)*(?:${VERB}|(?:have|get|make|do)\\b)`,
	"i",
);
/** Words after which a name belongs to what the task is about. */
const ABOUT_SOMETHING =
	/\b(?:how|why|when|whether|that|which|who|what|where|because|if|support\w*|integrat\w*|compatib\w*|works?|working|fails?|failing|crash\w*|errors?|bugs?|users?|customers?|calls?|called|docs?|documentation|guides?|tutorials?|examples?|settings?|options?|flags?|configs?|talk\w*|chat\w*|compar\w*|versus|vs|benchmark\w*|written|made|generated|trained|powered|used|supports?)\b/i;

const DOES = new RegExp(`^\\s*(?:${VERB}|what\\b|how\\b|why\\b|whether\\b|which\\b|where\\b)`, "i");

const NEGATED =
	/(?:\b(?:not|never|without|avoid|cannot|instead of|rather than|no longer|stop)|n['’]t)\s+(?:[a-z]+\s+){0,2}$/i;
/** "replace haiku with sonnet" */
const OBJECT_OF_WORK = /\b(?:replac|swap|substitut|start|begin|deal|paginat|sort|filter|order)\w*\b/i;

interface Names {
	/** models and aliases */
	models: readonly string[];
	/** names of backends only; as tools they need `use`, `using` or `via`: "paginate by cursor" */
	backends: readonly string[];
}

interface Order {
	verb: string;
	/** "the quick …" */
	article: boolean;
	/** where it stands in its clause */
	place: "begins" | "ends";
}

/** @returns the configured spelling, or a word that can only be a model; of several the last one */
export function mentionedModel(prompt: string, names: Names): string | null {
	const text = withoutQuotes(prompt);
	const known = knownNames(names);
	let found = addressed(text, known);
	for (const match of text.matchAll(DIRECTIVE)) {
		const at = match.index + match[0].length;
		const verb = (match[1] ?? "").toLowerCase();
		const place = placeOf(text, match.index, verb);
		if (place === null) continue;
		const order = { verb, article: /\b(?:the|our|my)\s/i.test(match[0]), place };
		found = directed(order, text.slice(at, at + AFTER_CHARS), known, names) ?? found;
	}
	return found;
}

/**
 * Where nothing is named: what reads like an order and was not taken for one, since it stands in the middle of a
 * sentence or is misspelled. @returns the words as they stand, and the name that may be meant; null: nothing
 */
export function unclearMention(prompt: string, names: Names): { said: string; meant: string } | null {
	const text = withoutQuotes(prompt);
	const known = knownNames(names);
	for (const match of text.matchAll(DIRECTIVE)) {
		const at = match.index + match[0].length;
		const words = [...text.slice(at, at + AFTER_CHARS).matchAll(/\S+/g)].map(([word]) => word);
		const said = bare(words[0] ?? "");
		const meant = nameOf(words.slice(0, 1), known) ?? misspelled(said, match[1] ?? "", known);
		if (meant !== null) return { said: `${match[0].trim()} ${said}`, meant };
	}
	return null;
}

/** "use sonet", not "use some". */
function misspelled(said: string, verb: string, known: ReadonlyMap<string, string>): string | null {
	if (said.length < SHORTEST_MISSPELLED || !/^(?:use|using|via)$/i.test(verb)) return null;
	const near = similar(
		said.toLowerCase(),
		[...known.keys()].filter((name) => name.length >= SHORTEST_MISSPELLED),
	);
	return near === null ? null : (known.get(near) ?? null);
}

function withoutQuotes(prompt: string): string {
	return QUOTED.reduce(
		(rest, pattern) => rest.replace(pattern, (quoted) => "\0".repeat(quoted.length)),
		cutText(prompt, READ_CHARS, ""),
	);
}

function knownNames({ backends, models }: Names): Map<string, string> {
	return new Map([...backends, ...models].map((name) => [name.toLowerCase(), name]));
}

/** "opus: review this"; of an ordinary word only before what we are to do: "cursor: pointer" is about a style. */
function addressed(text: string, known: ReadonlyMap<string, string>): string | null {
	const [address = "", name] = ADDRESS.exec(text) ?? [];
	if (name === undefined) return null;
	const told = text.slice(address.length, address.length + AFTER_CHARS);
	if (!looksLikeModel(name) && !IMPERATIVE.test(told) && !DOES.test(told)) return null;
	return known.get(name.toLowerCase()) ?? (looksLikeModel(name) ? name.toLowerCase() : null);
}

/** Whether an order can stand here: where a clause begins, or as the last words of one that is for us. */
function placeOf(text: string, index: number, verb: string): Order["place"] | null {
	const before = text.slice(Math.max(0, index - BEFORE_CHARS), index);
	if (NEGATED.test(before)) return null;
	const clause = lastPart(before, CLAUSE_STARTS);
	if (LEAD_IN.test(clause) && (before.length < BEFORE_CHARS || clause !== before)) return "begins";
	if (verb !== "with" && verb !== "using" && verb !== "by" && verb !== "via") return null;
	const sentence = lastPart(before, SENTENCE_STARTS);
	if (!IMPERATIVE.test(sentence) || ABOUT_SOMETHING.test(sentence) || OBJECT_OF_WORK.test(sentence))
		return null;
	return "ends";
}

function lastPart(text: string, starts: RegExp): string {
	const last = [...text.matchAll(starts)].at(-1);
	return last === undefined ? text : text.slice(last.index + last[0].length);
}

/** The name that begins `text`, the longest first. */
function directed(
	order: Order,
	text: string,
	known: ReadonlyMap<string, string>,
	names: Names,
): string | null {
	const words = [...text.matchAll(/\S+/g)].slice(0, MAX_NAME_WORDS);
	for (let count = words.length; count > 0; count--) {
		const parts = words.slice(0, count).map(([word]) => word);
		const name = nameOf(parts, known);
		if (name === null) continue;
		const last = words[count - 1];
		const rest = text.slice((last?.index ?? 0) + (last?.[0].length ?? 0));
		const closing = /[*_]*([.,;:!?)\]—–]?)[*_]*$/.exec(last?.[0] ?? "")?.[1] ?? "";
		return fits(order, name, closing + rest, names) ? name : null;
	}
	return null;
}

function nameOf(parts: string[], known: ReadonlyMap<string, string>): string | null {
	const [first = "", ...more] = parts.map((part) => bare(part).toLowerCase());
	if (!more.every(goesOn)) return null;
	if (parts.slice(0, -1).some((part) => /[,;:!?)]$/.test(part))) return null;
	const name = [first, ...more].join("-");
	const configured = known.get(name) ?? known.get(withoutPrefix(name));
	return configured ?? (looksLikeModel(name) ? name : null);
}

function fits({ verb, article, place }: Order, name: string, rest: string, names: Names): boolean {
	const isModel = looksLikeModel(name) || /[\d._-]/.test(name);
	const isBackend = !names.models.includes(name) && names.backends.includes(name);
	if (isBackend && (verb === "by" || verb === "with")) return false;
	if (place === "ends") return ENDS.test(rest);
	if (verb === "have" || verb === "ask" || verb === "let") {
		// "Have the quick check run": a word with an article is no name.
		return (
			(isModel || !article) &&
			(DOES.test(rest) || AFTER_WORD.test(rest) || (isModel && /^\s+to\s/i.test(rest)))
		);
	}
	if (verb === "use" || verb === "dispatch") return (isModel ? AFTER_MODEL : AFTER_WORD).test(rest);
	return new RegExp(`^\\s*(?:${END})`).test(rest) || (verb === "using" && AFTER_WORD.test(rest));
}

/** Without emphasis and punctuation around it; a dot inside belongs to the name. */
function bare(word: string): string {
	const begun = word.replace(/^[*_([]+/, "");
	// "sonnet[1m]": this bracket is the name's own.
	const own = /^[^\s[\]]+\[\w+\]/.exec(begun)?.[0] ?? "";
	return own + begun.slice(own.length).replace(/[*_.,;:!?)\]—–]+$/, "");
}
