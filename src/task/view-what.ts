/** What a task is about, in one line of foreign text: who shows it makes it harmless and cuts it. */
import { isEnded, SKIPPED } from "./states.ts";
import type { TaskView } from "./view.ts";

/** What it is worked out from; a view has all of it. */
type WhatView = Pick<TaskView, "id" | "state" | "reason" | "prompt"> & {
	hold: { kind: string } | null;
	plan: Pick<TaskView["plan"], "title" | "items">;
	questions: readonly { text: string; open: boolean }[];
	outcome: { message: string } | null;
};

/** Of a prompt without words for an id. */
const SAYS_NOTHING = /^task-[a-z0-9]{4}(?:-\d+)?$/;
/** An id holds nothing of these. */
const OTHER_LETTERS = /[^\P{L}\p{Script=Latin}]/u;
/** A heading, a quotation or a list in Markdown. */
const MARKS = /^[\s#>*-]+/;
const SENTENCE = /^.*?[.!?](?=\s|$)/s;

/**
 * An open question; why it failed, is tried again or was skipped, in words; what it was asked for, and from the first finished item on the item
 * at work. Where the id tells nothing of the prompt, the prompt's first line stands beside it all the same.
 */
export function whatOf(view: WhatView): string {
	const open = view.questions.find((question) => question.open);
	const title = titleOf(view);
	if (open !== undefined) return `asks: ${open.text}`;
	const isTriedAgain = view.state === "queued" && view.hold?.kind === "backoff" && view.outcome !== null;
	if (view.state === "failed" || isTriedAgain) return failureText(view);
	if (view.reason === SKIPPED) return failureText(view).replace(/^Not started: it /, "");
	const item = isEnded(view.state) ? undefined : presentItem(view);
	if (item === undefined || item === title) return title;
	return isTold(view.id, title) ? item : `${title} · ${item}`;
}

/** The first line of the prompt that has words, without the marks of Markdown. */
export function titleOf({ prompt, plan }: Pick<WhatView, "prompt" | "plan">): string {
	for (const line of prompt.split("\n")) {
		const said = line.replace(MARKS, "").trim();
		if (/[\p{L}\p{N}]/u.test(said)) return said;
	}
	return plan.title ?? "";
}

function isTold(id: string, title: string): boolean {
	return !SAYS_NOTHING.test(id) && !OTHER_LETTERS.test(title);
}

/** undefined: the plan has not moved yet, or is done. */
function presentItem({ plan: { items } }: WhatView): string | undefined {
	if (items.every(({ marker }) => marker === " ")) return undefined;
	return items.find(({ marker }) => marker !== "x")?.text;
}

/** The first sentence of what was told: the next ones say what to do about it, and stand in `status`. */
function failureText({ reason, outcome }: WhatView): string {
	const message = outcome?.message.trim() ?? "";
	if (message !== "") return SENTENCE.exec(message)?.[0] ?? message;
	return (reason ?? "failed").replaceAll("_", " ");
}
