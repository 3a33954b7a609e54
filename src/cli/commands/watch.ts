/** `dispatch watch`: a live table on a terminal, a line per change elsewhere. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../../queue/records/store.ts";
import { untilTaken } from "../../queue/redis/or-aborted.ts";
import { damagedView } from "../../task/damaged.ts";
import { timeLimit } from "../../task/time-limit.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { changeLines, damagedLine } from "../screen/change-lines.ts";
import { TaskReader } from "../screen/task-reader.ts";
import { canDraw } from "../screen/terminal.ts";
import { WatchScreen } from "../screen/watch-screen.ts";
import { refusedHere } from "../show/here.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { readerGone } from "../show/reader-gone.ts";
import { withoutPrompt } from "./status.ts";

const LOOK_MS = 1_000;

export async function watch(context: Context): Promise<undefined> {
	const store = await context.store("service");
	const draws = canDraw(context.env) && !context.output.json;
	const interrupt = onInterrupt({ hangUp: draws });
	try {
		if (draws) {
			await new WatchScreen(context, store, interrupt.signal).run();
		} else await printChanges(context, store, interrupt.signal);
	} finally {
		interrupt.release();
	}
}

async function printChanges(context: Context, store: Store, signal: AbortSignal): Promise<void> {
	const { output } = context;
	const reader = new TaskReader(store, (records) => refusedHere(context, records));
	const known = new Map<string, TaskView>();
	const told = new Set<string>();
	const stop = timeLimit(null, signal, readerGone);
	while (!stop.signal.aborted) {
		// A Redis that is away holds nobody who wants to leave.
		const tasks = await untilTaken(() => reader.read(), stop.signal);
		if (tasks === "aborted") break;
		for (const task of tasks.reverse()) {
			const lines = changeLines(known.get(task.id), task);
			known.set(task.id, task);
			if (lines.length === 0) continue;
			if (output.json) output.document(withoutPrompt(task));
			else for (const line of lines) output.write(line);
		}
		for (const each of reader.damaged.filter(({ id }) => !told.has(id))) {
			told.add(each.id);
			if (output.json) output.document(damagedView(each, store.namespace));
			else output.write(damagedLine(each));
		}
		await sleep(LOOK_MS, undefined, { signal: stop.signal }).catch(() => {});
	}
	stop.release();
}
