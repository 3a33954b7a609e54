import { setTimeout as sleep } from "node:timers/promises";
import { lastLines, linesAfter, type ReadLine } from "../../queue/log.ts";
import { isEnded, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { findTask } from "../find-task.ts";
import { wholeNumber } from "../option-values.ts";
import { plain } from "../output.ts";

const LOOK_MS = 250;
const PAGE = 1_000;
const MOST_LINES = 1_000_000;

export interface LogsFlags {
	follow?: boolean;
	lines?: string;
}

export async function logs(context: Context, given: string, flags: LogsFlags): Promise<number | undefined> {
	const wanted = flags.lines === undefined ? MOST_LINES : wholeNumber(flags.lines, "-n", 0, MOST_LINES);
	const store = await context.store(flags.follow ? "service" : "command");
	const { spec } = await findTask(store, given);
	// With -n 0, -f begins at the end.
	const last = await lastLines(store, spec.id, Math.max(1, wanted));
	const shown = wanted === 0 ? [] : last;
	if (!flags.follow) {
		context.output.result(
			shown.map(asJson),
			shown.map(({ text }) => plain(text)),
		);
		return undefined;
	}
	for (const line of shown) print(context, line);
	await followLog(context, spec.id, last.at(-1)?.id ?? "0");
	return undefined;
}

/** Prints lines after `from` as they come, until the task has ended (or waits for an answer without an agent). */
export async function followLog(context: Context, id: string, from: string): Promise<void> {
	const store = await context.store("service");
	let position = from;
	for (;;) {
		// The state first: what was printed before the end is there once the end is seen.
		const state = await store.stateOf(id);
		const lines = await linesAfter(store, id, position, PAGE);
		for (const line of lines) print(context, line);
		position = lines.at(-1)?.id ?? position;
		if (lines.length === PAGE) continue;
		if (isOver(state)) return;
		await sleep(LOOK_MS);
	}
}

function isOver(state: State | null): boolean {
	return state === null || isEnded(state) || state === "parked";
}

function print({ output }: Context, line: ReadLine): void {
	output.write(output.json ? JSON.stringify(asJson(line)) : plain(line.text));
}

function asJson({ epoch, text }: ReadLine): { epoch: number; text: string } {
	return { epoch, text };
}
