/** Puts notes into the plan of a live agent, and again when its own rewrite dropped them. */
import { appendNote, readPlanText } from "../ipc/plan-file.ts";
import { faultPoint } from "../process/fault.ts";
import { noteSeen, pendingNotes } from "../queue/records/notes.ts";
import type { Store } from "../queue/records/store.ts";
import type { TaskRecord } from "../task/record.ts";
import type { LiveTask } from "./live-task.ts";

const FULL = "plan.md is so long that no further note fits into it";

/**
 * A note is seen once the plan was written by the agent with the note in it: it may have been about to
 * write an older plan when the note came.
 */
export async function deliverNotes(record: TaskRecord, live: LiveTask, store: Store): Promise<void> {
	faultPoint("look.notes", record.spec.id);
	live.withheld.delete("notes");
	if (!record.pendingNotes) return;
	const { id } = record.spec;
	const { taskDir } = live.run.facts;
	const before = readPlanText(taskDir);
	const agentWrote = live.notedPlan !== null && live.notedPlan !== before;
	for (const { n, text } of await pendingNotes(store, id)) {
		const result = append(live, text);
		if (result === "there" && agentWrote && live.noted.has(n)) await noteSeen(store, id, n);
		else if (result === "there" || result === "appended") live.noted.add(n);
	}
	live.notedPlan = readPlanText(taskDir);
}

/** A full disk, or plan: the note stays pending, which is told, and the next look tries again. */
function append(live: LiveTask, text: string): ReturnType<typeof appendNote> {
	try {
		const result = appendNote(live.run.facts.taskDir, text);
		if (result === "full") live.withheld.set("notes", FULL);
		return result;
	} catch (error) {
		live.withheld.set("notes", error);
		return "no_plan";
	}
}
