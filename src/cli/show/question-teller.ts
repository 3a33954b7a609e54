import { viewTask } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { ring } from "./bell.ts";
import { answeredLine, questionLine } from "./report-lines.ts";

/** Tells a task's questions as they come, each once: its text, and how to answer. */
export class QuestionTeller {
	readonly #context: Context;
	readonly #store: Store;
	readonly #id: string;
	readonly #told = new Set<string>();

	constructor(context: Context, store: Store, id: string) {
		this.#context = context;
		this.#store = store;
		this.#id = id;
	}

	/** What was answered before is not told. */
	async passAnswered(): Promise<void> {
		const { questions } = await this.#view();
		for (const question of questions) if (question.answer !== null) this.#told.add(nameOf(question));
	}

	/** @throws DISPATCH_NO_SUCH_TASK */
	async tell(): Promise<void> {
		const { output } = this.#context;
		if (output.json) return;
		const view = await this.#view();
		for (const question of view.questions) {
			// Without an answer and not open: nobody waits for one any more.
			if (this.#told.has(nameOf(question)) || (!question.open && question.answer === null)) continue;
			this.#told.add(nameOf(question));
			// Somebody may have been faster than this look.
			if (question.open) ring(this.#context, "question");
			const line = question.open ? questionLine(view, question.seq) : answeredLine(question);
			output.write(output.colors.yellow(line));
		}
	}

	async #view(): Promise<TaskView> {
		return viewTask(this.#store, await this.#store.need(this.#id));
	}
}

function nameOf({ seq, askedAt }: TaskView["questions"][number]): string {
	return `${seq} ${askedAt}`;
}
