/** `dispatch inbox` on a terminal that draws nothing (TERM=dumb): a question, a line typed, the next one. */

import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { answerTask } from "../../actions/answer.ts";
import type { OpenQuestion } from "../../queue/records/questions.ts";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { sentLine } from "../show/answer-lines.ts";
import { oneLine } from "../show/output.ts";
import { indented } from "../show/question-lines.ts";
import { waitsBecause } from "./send-answer.ts";

const LOOK_MS = 1_000;
const HELP =
	'Type the answer, then Enter. /skip: the next one. /quit: end. "//…" sends an answer that begins with "/".';

/** @returns the exit code */
export async function inboxLines(
	context: Context,
	store: Store,
	signal: AbortSignal,
): Promise<number | undefined> {
	const { output } = context;
	const lines = createInterface({ input: process.stdin, terminal: false });
	const passed = new Set<string>();
	output.write(HELP);
	try {
		for (;;) {
			const question = await nextQuestion(context, store, passed, signal);
			if (question === null) return EXIT.interrupted;
			output.text(
				["", `${question.task} asks (${question.seq}):`, ...indented(question.text), "> "].join("\n"),
			);
			const said = await once(lines, "line", { signal }).then(
				([line]) => String(line).trim(),
				() => null,
			);
			if (said === null) return EXIT.interrupted;
			if (said === "/quit") return undefined;
			if (said === "/skip") passed.add(keyOf(question));
			else if (said.startsWith("/") && !said.startsWith("//")) output.write(HELP);
			else if (said !== "") {
				passed.add(keyOf(question));
				output.write(await send(context, store, question, said.replace(/^\/\//, "/")));
			}
		}
	} finally {
		lines.close();
	}
}

async function nextQuestion(
	{ output }: Context,
	store: Store,
	passed: Set<string>,
	signal: AbortSignal,
): Promise<OpenQuestion | null> {
	let isTold = false;
	while (!signal.aborted) {
		const open = await untilTaken(() => store.openQuestions(), signal);
		if (open === "aborted") return null;
		const next = open.find((question) => !passed.has(keyOf(question)));
		if (next !== undefined) return next;
		if (!isTold) output.write("No other open questions. New ones come up here; Ctrl-C ends.");
		isTold = true;
		await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
	}
	return null;
}

function keyOf({ task, seq, askedAt }: OpenQuestion): string {
	return `${task} ${seq} ${askedAt}`;
}

async function send(context: Context, store: Store, shown: OpenQuestion, text: string): Promise<string> {
	try {
		const answered = await answerTask(store, shown.task, {
			...{ text, by: whoAmI(), seq: Number(shown.seq), shown },
		});
		return `${sentLine(answered)}${await waitsBecause(context, answered.host === context.home.hostId)}`;
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		return oneLine(error.inFull);
	}
}
