/**
 * The model that a prompt asks for. Only a directive counts ("use opus to …", "have sonnet check …",
 * "opus: …"): "a quick review" does not name the alias `quick`, "write a haiku" not the model, and what
 * stands in quotes, code or paths names nothing.
 */
import { cutText } from "../task/cut-text.ts";
import { looksLikeModel } from "./model-names.ts";

/** Only so much of a prompt is read for directives. */
const READ_CHARS = 20_000;
/** A name of several words ("claude sonnet 4.6") has at most three. */
const MAX_NAME_WORDS = 3;
const BEFORE_CHARS = 80;
const AFTER_CHARS = 200;

const DIRECTIVE =
	/(?<![\w./\\@#-])(use|using|with|have|ask|let|by|via|dispatch)\s+(?:(?:the|our|my)\s+)?(?:(?:model|alias|agent|backend)\s+)?(?=[*_(]*[a-z0-9])/gi;
const ADDRESS = /^\s*(?:@?)([a-z0-9][\w.-]*):\s/i;

/** Whoever takes the name as a tool for the work, in contrast to one who is told to do it. */
const TOOL_VERBS = new Set(["use", "using", "with", "by", "via"]);

const QUOTED: readonly RegExp[] = [
	/```[\s\S]*?(?:```|$)/g,
	/`[^`\n]*`/g,
	/"(?:[^"\n]|\n(?!\s*\n))*"/g,
	/“[^”]*”|«[^»]*»|„[^“”]*[“”]/g,
	/(?<=^|[\s(])'[^'\n]{1,200}'(?=$|[\s.,;:!?)])/gm,
	/^\s{0,3}>.*$/gm,
];

const VERB = `(?:review|fix|write|check|do|run|look|find|add|make|update|refactor|test|implement|investigate|analy[sz]e|audit|build|create|debug|explain|document|improve|clean|convert|migrate|rename|remove|delete|replace|port|plan|research|read|search|scan|verify|summari[sz]e|translate|handle|try|go|take|start|help|optimi[sz]e|upgrade|generate|draft|design|list|count|describe|compare|propose|reproduce|change|move|split|merge|simplify|tidy|rewrite|see|figure|tell|answer)\\b`;

/** What may follow a name that is an ordinary word (an alias `quick`). */
const AFTER_WORD = new RegExp(
	`^\\s*(?:$|\\n|(?:to|for|on|please|instead|model|alias|agent|backend)\\b|and\\s+(?:then\\s+)?${VERB})`,
	"i",
);
/** What may follow a name that can only be a model. */
const AFTER_MODEL = new RegExp(
	`^\\s*(?:$|\\n|(?:to|for|on|in|at|as|and|but|or|please|instead|rather|not|model|alias|agent|backend|when|while|since|because|then|so|here|now|this|only|again|with|if|via|from|here)\\b|${VERB})`,
	"i",
);
const DOES = new RegExp(`^\\s*(?:${VERB}|what\\b|how\\b|why\\b|whether\\b|which\\b|where\\b)`, "i");

const NEGATED =
	/(?:\b(?:not|never|without|avoid|cannot|instead of|rather than|no longer|stop)|n['’]t)\s+(?:[a-z]+\s+){0,2}$/i;
/** "the bot should use gpt-4o" is about the bot; "you should use gpt-4o" is a directive. */
const ABOUT_OTHERS =
	/(?:(?<!\byou\s+)\b(?:should|must|will|would|could|can|may|might|shall|does|did)|\b(?:they|we|i|it|that|which|who|users|people)|(?<!\b(?:you|like|prefer|want|sure|remember)\s+)\bto)\s+$/i;
/** "replace haiku with sonnet" */
const OBJECT_OF_WORK =
	/\b(?:compare[ds]?|replac(?:e[ds]?|ing)|swap(?:s|ped|ping)?|substitute[ds]?|integrat(?:e[ds]?|ing)|compatible)\b[^.!?\n]*$/i;

interface Names {
	/** models and aliases */
	models: readonly string[];
	/** names of backends only; as tools they need `use`, `using` or `via`: "paginate by cursor" */
	backends: readonly string[];
}

/** @returns the configured spelling, or a word that can only be a model; of several the last one */
export function mentionedModel(prompt: string, names: Names): string | null {
	const text = QUOTED.reduce(
		(rest, pattern) => rest.replace(pattern, (quoted) => "\0".repeat(quoted.length)),
		cutText(prompt, READ_CHARS, ""),
	);
	const known = new Map([...names.backends, ...names.models].map((name) => [name.toLowerCase(), name]));
	let found = addressed(text, known);
	for (const match of text.matchAll(DIRECTIVE)) {
		const at = match.index + match[0].length;
		const verb = (match[1] ?? "").toLowerCase();
		const before = text.slice(Math.max(0, match.index - BEFORE_CHARS), match.index);
		if (!isAskedOfUs(verb, before)) continue;
		found = directed(verb, text.slice(at, at + AFTER_CHARS), known, names) ?? found;
	}
	return found;
}

/** "opus: review this" */
function addressed(text: string, known: ReadonlyMap<string, string>): string | null {
	const name = ADDRESS.exec(text)?.[1];
	if (name === undefined) return null;
	return known.get(name.toLowerCase()) ?? (looksLikeModel(name) ? name.toLowerCase() : null);
}

function isAskedOfUs(verb: string, before: string): boolean {
	if (NEGATED.test(before)) return false;
	if (verb === "with" || verb === "by") return !OBJECT_OF_WORK.test(before);
	return verb === "using" || verb === "via" || !ABOUT_OTHERS.test(before);
}

/** The name that begins `text`, the longest first. */
function directed(
	verb: string,
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
		const closed = /[.,;:!?)\]—–]$/.test(last?.[0] ?? "");
		return closed || fits(verb, name, rest, names) ? name : null;
	}
	return null;
}

function nameOf(parts: string[], known: ReadonlyMap<string, string>): string | null {
	const [first = "", ...more] = parts.map((part) => bare(part).toLowerCase());
	// Only a version or a family goes on: "sonnet 4.6", "claude opus", "gpt 5.3 codex".
	if (more.some((word) => !/^(?:\d[\d.]*|opus|sonnet|haiku|codex|thinking)$/.test(word))) return null;
	if (parts.slice(0, -1).some((part) => /[,;:!?)]$/.test(part))) return null;
	const name = [first, ...more].join("-");
	const configured = known.get(name) ?? known.get(name.replace(/^claude-/, ""));
	return configured ?? (looksLikeModel(name) ? name : null);
}

function fits(verb: string, name: string, rest: string, names: Names): boolean {
	const isModel = looksLikeModel(name) || /[\d._-]/.test(name);
	const isTool = TOOL_VERBS.has(verb);
	if (!names.models.includes(name) && names.backends.includes(name) && (verb === "by" || verb === "with"))
		return false;
	if (isModel) return AFTER_MODEL.test(rest) || (!isTool && /^\s+[a-z]/i.test(rest));
	if (AFTER_WORD.test(rest)) return true;
	return (verb === "have" || verb === "ask" || verb === "let") && DOES.test(rest);
}

/** Without emphasis and punctuation around it; a dot inside belongs to the name. */
function bare(word: string): string {
	return word.replace(/^[*_([]+/, "").replace(/[*_.,;:!?)\]—–]+$/, "");
}
