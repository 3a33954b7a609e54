/** What a task's agent said, start by start, with what it asked and was told in between. */

import { viewTask } from "../../actions/views.ts";
import { lastLines, linesAfter, type ReadLine } from "../../queue/records/log.ts";
import type { Store } from "../../queue/records/store.ts";
import { isEnded } from "../../task/states.ts";
import { clockTime } from "../../task/view-times.ts";
import type { LogSource, Moment } from "./log-source.ts";
import type { Output } from "./output.ts";
import { agentText, ownLine, ownRows, roomForOwn } from "./own-lines.ts";
import { answeredLines, askedLine, questionLines, saidLines } from "./question-lines.ts";

const PAGE = 1_000;

/**
 * @param store of a `logs -f`: role `service`, which waits out an outage
 * @param start only this one; null: all of them
 */
export function lineSource(
	store: Store,
	id: string,
	colors: Output["colors"],
	start: number | null = null,
): LogSource<ReadLine> {
	return {
		tellsQuestions: start === null,
		last: (count) => lastLines(store, id, count, start),
		after: (from) => linesAfter(store, id, from?.id ?? "0", PAGE),
		at: ({ at }) => at,
		text: ({ text }) => agentText(text),
		json: ({ epoch, at, text }) => ({ epoch, at: at === null ? null : new Date(at).toISOString(), text }),
		// Of one start nothing needs a heading, and what was asked in others is none of its lines.
		...(start === null && {
			mark: (before: ReadLine | null, { epoch, at }) =>
				epoch === (before?.epoch ?? 1) ? null : colors.dim(ownLine(headingOf(epoch, at))),
			moments: async (follows: boolean) => momentsOf(await viewOfTask(store, id), { colors, follows }),
		}),
	};
}

async function viewOfTask(store: Store, id: string) {
	return viewTask(store, await store.need(id));
}

/** Where one start ends and the next begins. @param at of its first line, ms since the Unix epoch */
function headingOf(start: number, at: number | null): string {
	return `Start ${start}${at === null ? "" : `, ${clockTime(at)}`}`;
}

/** @param follows what is open is told as it comes */
function momentsOf(
	view: Awaited<ReturnType<typeof viewOfTask>>,
	{ colors, follows }: { colors: Output["colors"]; follows: boolean },
): Moment[] {
	const room = roomForOwn();
	const moments = view.questions.flatMap((question) => {
		const at = Date.parse(question.askedAt);
		if (question.answer !== null)
			return [
				{ at, lines: ownRows([askedLine(question)]).map(colors.yellow) },
				{
					at: Date.parse(question.answeredAt ?? ""),
					lines: saidLines(question, { room }).map((line) => colors.green(ownLine(line))),
				},
			];
		if (!question.open)
			return isEnded(view.state)
				? [{ at, lines: ownRows(answeredLines(question, { room })).map(colors.yellow) }]
				: [];
		return follows
			? []
			: [{ at, lines: questionLines(view, question, { room }).map((line) => colors.yellow(ownLine(line))) }];
	});
	return moments.sort((a, b) => a.at - b.at);
}
