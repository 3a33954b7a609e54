import { waitingFor } from "../../actions/held-up.ts";
import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { ring } from "./bell.ts";
import { commandFor, quoted } from "./question-lines.ts";

/**
 * Tells, each once, the questions of tasks that others need which somebody waits for: these start only once it is
 * answered, and nobody else says so. On stderr, since it is none of the tasks that the result is about.
 */
export class NeededTeller {
	readonly #context: Context;
	readonly #store: Store;
	readonly #told = new Set<string>();

	constructor(context: Context, store: Store) {
		this.#context = context;
		this.#store = store;
	}

	/** @param waited what is waited for @param needed what these wait for beside themselves; both as they are now */
	async tell(waited: readonly TaskRecord[], needed: readonly TaskRecord[]): Promise<void> {
		const asking = needed.filter(({ state }) => state === "asking" || state === "parked");
		if (asking.length === 0) return;
		for (const view of await viewTasks(this.#store, asking))
			for (const question of view.questions) {
				const name = `${view.id} ${question.seq} ${question.askedAt}`;
				if (!question.open || this.#told.has(name)) continue;
				this.#told.add(name);
				ring(this.#context, "question");
				const held = waitingFor([...waited, ...needed], [view.id]);
				const first = waited.find(({ spec }) => held.has(spec.id));
				const who = first === undefined ? " asks" : `, which \`${first.spec.id}\` needs, asks`;
				this.#context.output.note(
					`\`${view.id}\`${who}: ${quoted(question.text)} Answer with: ${commandFor(view, question)}`,
				);
			}
	}
}
