/** What a worker in the foreground says of its tasks, as it happens. */
import { setTimeout as sleep } from "node:timers/promises";
import { viewTasks } from "../../actions/views.ts";
import { eventsAfter, lastEventId, type TaskEvent } from "../../queue/records/events.ts";
import type { Store } from "../../queue/records/store.ts";
import { orAborted, untilTaken } from "../../queue/redis/or-aborted.ts";
import { isEnded } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { oneLine } from "./output.ts";
import { questionLine, quoted } from "./question-lines.ts";
import { endLine } from "./report-lines.ts";

const LOOK_MS = 500;
const PAGE = 1_000;
/** Of what was asked and said: the rest stands in its log. */
const SAID_SHOWN = 300;

export interface WorkerLinesOptions {
	store: Store;
	/** its tasks are told, and nobody else's */
	host: string;
	say: (facts: { task: string; event: string }, line: string) => void;
}

/** Tells what happens from now on, until it is aborted; an outage of Redis only delays it. */
export async function tellOfTasks(
	{ store, host, say }: WorkerLinesOptions,
	signal: AbortSignal,
): Promise<void> {
	let position = await untilTaken(() => lastEventId(store), signal);
	while (position !== "aborted" && !signal.aborted) {
		const from: string = position;
		const page = await untilTaken(async () => {
			const events = await eventsAfter(store, from, PAGE);
			return { events, views: await viewsFor(store, events) };
		}, signal);
		if (page === "aborted") return;
		for (const event of page.events) {
			const view = page.views.get(event.task);
			const line = view?.host === host ? lineOf(event, view) : null;
			if (line !== null) say({ task: event.task, event: event.kind }, line);
		}
		position = page.events.at(-1)?.id ?? position;
		if (page.events.length < PAGE)
			await orAborted(
				sleep(LOOK_MS, undefined, { signal }).catch(() => {}),
				signal,
			);
	}
}

async function viewsFor(store: Store, events: readonly TaskEvent[]): Promise<Map<string, TaskView>> {
	const ids = [...new Set(events.map(({ task }) => task))].filter((id) => id !== "");
	const views = ids.length === 0 ? [] : await viewTasks(store, (await store.read(ids)).records);
	return new Map(views.map((view) => [view.id, view]));
}

/** @returns null: nothing that is worth a line */
function lineOf(event: TaskEvent, view: TaskView): string | null {
	const name = `\`${view.id}\``;
	const { kind, seq, again, by = "somebody", text = "" } = event;
	switch (kind) {
		case "started":
			return `${name} ${again ? "started again" : "started"} using ${view.model ?? view.backend}.`;
		case "asked": {
			const isOpen = view.questions.some((question) => question.seq === seq && question.open);
			return isOpen
				? questionLine(view, seq, SAID_SHOWN).replace("Worker is asking", `${name} asks`)
				: `${name} asked: ${quoted(text, SAID_SHOWN)}`;
		}
		case "answered":
			return `${name} was answered by ${oneLine(by)}: ${quoted(text, SAID_SHOWN)}`;
		case "completed":
		case "failed":
		case "cancelled":
		case "parked":
			// Started again meanwhile: what it says now is of another start.
			return view.state === kind
				? endLine(view, SAID_SHOWN)
				: `${name} ${isEnded(kind) ? kind : "is parked"}.`;
		default:
			return null;
	}
}
