/** The page that `?` opens. */
import { ANSWER_KEYS } from "./answering.ts";
import type { Page } from "./page.ts";
import { START } from "./pane.ts";
import { widthOf, wrap } from "./text.ts";

const LIST_KEYS: readonly (readonly [string, string])[] = [
	["↑ ↓ PgUp PgDn Home End", "select a task"],
	["Enter", "answer its question; else its status"],
	["a", "answer its question"],
	["l", "what its agent prints"],
	["o", "its report"],
	["d", "what it changed in its worktree, also while it works"],
	["i", "its status: plan, questions, usage, where it runs"],
	["r", "start it again (asks first)"],
	["c", "cancel it (asks first)"],
	["/", "filter by words of name, state, model, host, tags, prompt"],
	["s", "order: what needs you first, newest first, by name"],
	["Esc", "show all again, in the first order"],
	["q, Ctrl-C", "quit; tasks go on"],
];

const INBOX_LIST_KEYS: readonly (readonly [string, string])[] = [
	["↑ ↓", "select a question"],
	["Enter", "answer it"],
	["q, Ctrl-C", "quit"],
];

const ONE_BY_ONE_KEYS: readonly (readonly [string, string])[] = [
	["Ctrl-N", "the next question; this one comes again"],
	["Esc", "back; what is typed is kept"],
	["Ctrl-C", "quit; what is typed is not sent"],
];

const ONE_KEYS: readonly (readonly [string, string])[] = [
	["Esc, Ctrl-C", "quit; what is typed is not sent, and stays to be read"],
];

type Part = readonly [string, readonly (readonly [string, string])[]];

const WHILE_ANSWERING: Part = [
	"While you answer: everything typed is the answer",
	[...ANSWER_KEYS, ...ONE_BY_ONE_KEYS],
];

/** All keys of `dispatch watch`, those of where one is first. @param from where it is opened */
export function watchKeys(from: "list" | "answer"): Page {
	const list: Part = ["In the list", LIST_KEYS];
	return from === "list" ? keysPage([list, WHILE_ANSWERING], true) : keysPage([WHILE_ANSWERING, list], false);
}

/** All keys of `dispatch inbox`. */
export function inboxKeys(): Page {
	return keysPage([WHILE_ANSWERING, ["In the list", INBOX_LIST_KEYS]], false);
}

/** All keys of `dispatch answer`. */
export function answerKeys(): Page {
	return keysPage([[WHILE_ANSWERING[0], [...ANSWER_KEYS, ...ONE_KEYS]]], false);
}

function keysPage(parts: readonly Part[], mayQuit: boolean): Page {
	const rows = (columns: number) =>
		parts.flatMap(([name, keys], n) => [
			...(n === 0 ? [] : [[""]]),
			wrap(name, columns),
			...keys.map(([key, does]) => keyLines(key, does, columns)),
		]);
	return { title: "keys", text: "", rows, from: START, empty: "", mayQuit, leaves: "?" };
}

const KEY_COLUMNS = 25;
/** Less room beside the keys is better spent on whole lines. */
const LEAST_BESIDE = 30;
const INDENT = 6;

/** What a key does stands beside it, all of it; on a narrow screen the rest stands below. */
function keyLines(key: string, does: string, columns: number): string[] {
	const isWide = columns - KEY_COLUMNS >= LEAST_BESIDE;
	const start = isWide ? `  ${key}`.padEnd(KEY_COLUMNS - 2) : `  ${key}`;
	if (isWide) {
		const [first = "", ...rest] = wrap(does, columns - Math.max(KEY_COLUMNS, widthOf(start) + 2));
		return [`${start}  ${first}`, ...rest.map((line) => " ".repeat(KEY_COLUMNS) + line)];
	}
	const [first = "", ...more] = wrap(`${start}  ${does}`, columns);
	const rest = wrap(more.join(" ").trim(), columns - INDENT);
	return [first, ...rest.filter(Boolean).map((line) => " ".repeat(INDENT) + line)];
}
