/** What happened to a task, from the namespace's stream of events. */

import { eventsAfter, type TaskEvent } from "../../queue/records/events.ts";
import type { Store } from "../../queue/records/store.ts";
import { cleanText } from "../../task/clean-text.ts";
import { local } from "../../task/view-times.ts";
import type { LogSource } from "./log-source.ts";
import { oneLine } from "./output.ts";
import { indented, inRows } from "./question-lines.ts";

const PAGE = 1_000;

export function eventSource(store: Store, task: string): LogSource<TaskEvent> {
	// The stream holds all tasks: a page of strangers must not read as the end.
	const after = async (from: TaskEvent | null) => {
		let position = from?.id ?? "0";
		for (;;) {
			const page = await eventsAfter(store, position, PAGE);
			const mine = page.filter((event) => event.task === task);
			if (mine.length > 0 || page.length < PAGE) return mine;
			position = page.at(-1)?.id ?? position;
		}
	};
	return {
		async last(count) {
			const all: TaskEvent[] = [];
			for (let page = await after(null); page.length > 0; page = await after(all.at(-1) ?? null))
				all.push(...page);
			return all.slice(-count);
		},
		after,
		at: ({ at }) => at,
		text: (event) => linesOf(event).join("\n"),
		json: ({ id, ...event }) => ({ id, ...event, at: new Date(event.at).toISOString() }),
	};
}

/**
 * `2026-11-24 10:15:02 asked 001 Which database?`, `… answered 001 by ann@mini1: postgres`; what was said in several
 * lines stands below.
 */
function linesOf(event: TaskEvent): string[] {
	const time = local(event.at).join(" ");
	const { kind, seq, reason, epoch, by, why } = event;
	const text = cleanText(event.text ?? "").trim();
	const isBlock = text.includes("\n");
	const facts = [
		seq,
		kind === "started" && epoch !== undefined ? `start ${epoch}` : null,
		reason,
		by && `by ${by}${text && !isBlock ? ":" : ""}`,
	];
	const line = [`${time} ${kind.replaceAll("_", " ")}`, ...facts, isBlock ? null : text, why];
	const head = oneLine(line.filter(Boolean).join(" "));
	return isBlock ? [...inRows([`${head}:`]), ...indented(text)] : inRows([head]);
}
