/** What became of a question that was opened and is open no more. */
import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import { isEnded } from "../../task/states.ts";
import type { TaskView } from "../../task/view.ts";
import { type Answering, nameOf } from "./answering.ts";

type Asked = Pick<Answering, "task" | "seq" | "name">;

/** Read anew: a list may hold no more of its task. @returns null: it is open */
export async function whyGone(store: Store, asked: Asked): Promise<string | null> {
	const { records, damaged } = await store.read([asked.task]);
	const [view] = await viewTasks(store, records);
	const isOpen = view?.questions.some((each) => each.open && nameOf(asked.task, each) === asked.name);
	if (isOpen === true) return null;
	if (view !== undefined) return goneLine(asked, view);
	return `${asked.task} ${damaged.length > 0 ? "cannot be read any more" : "was removed meanwhile"}.`;
}

/** @param view its task as it is now */
export function goneLine({ task, seq, name }: Asked, { state, questions }: TaskView): string {
	const asked = questions.find((question) => nameOf(task, question) === name);
	if (asked !== undefined && asked.answer !== null) return `Somebody else answered ${task} meanwhile.`;
	if (questions.some((question) => question.open && question.seq === seq))
		return `${task} asks something else by now.`;
	if (!isEnded(state)) return `${task} waits for this answer no more.`;
	return `${task} ${state === "cancelled" ? "was cancelled" : state} meanwhile.`;
}
