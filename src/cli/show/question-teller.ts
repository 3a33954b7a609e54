import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { TaskView } from "../../task/view.ts";
import type { Context } from "../context.ts";
import { ring } from "./bell.ts";
import { ownLine, roomForOwn } from "./own-lines.ts";
import { answeredLines, questionLines, type ShownQuestion, saidLines } from "./question-lines.ts";

export interface TellerOptions {
	/** more than one task is told: each line names its own */
	several?: boolean;
	/** it tells between the lines of an agent */
	amongAgents?: boolean;
}

/** Tells tasks' questions as they come, each once: its text, and how to answer; then what was said, and by whom. */
export class QuestionTeller {
	readonly #context: Context;
	readonly #store: Store;
	readonly #several: boolean;
	readonly #amongAgents: boolean;
	readonly #open = new Set<string>();
	readonly #over = new Set<string>();
	/** the revision of a record whose questions were looked at */
	readonly #seen = new Map<string, number>();

	constructor(context: Context, store: Store, { several = false, amongAgents = false }: TellerOptions = {}) {
		this.#context = context;
		this.#store = store;
		this.#several = several;
		this.#amongAgents = amongAgents;
	}

	/** What was answered before is not told. */
	async passAnswered(records: readonly TaskRecord[]): Promise<void> {
		for (const view of await viewTasks(this.#store, records))
			for (const question of view.questions)
				if (question.answer !== null) this.#over.add(nameOf(view, question));
	}

	/** Of an unattended task nobody can answer one: its end says what was asked. @param records as they are now */
	async tell(records: readonly TaskRecord[]): Promise<void> {
		const tellUntil = await this.due(records);
		tellUntil(Number.POSITIVE_INFINITY);
		for (const { spec, revision } of records) this.#seen.set(spec.id, revision);
	}

	/** As `tell`, for who prints lines meanwhile. @returns tells what came before a time, ms since the Unix epoch */
	async due(records: readonly TaskRecord[]): Promise<(until: number) => void> {
		const nothing = () => {};
		if (this.#context.output.json) return nothing;
		// A further question of a task that asks already leaves its revision as it is.
		const changed = records.filter(
			({ spec, state, revision }) =>
				!spec.unattended &&
				(state === "asking" || state === "parked" || this.#seen.get(spec.id) !== revision),
		);
		if (changed.length === 0) return nothing;
		const views = await viewTasks(this.#store, changed);
		return (until) => {
			for (const view of views)
				for (const question of view.questions)
					if (Date.parse(question.answeredAt ?? question.askedAt) < until) this.#tellOne(view, question);
		};
	}

	#tellOne(view: TaskView, question: ShownQuestion): void {
		const { output } = this.#context;
		const name = nameOf(view, question);
		if (this.#over.has(name)) return;
		const room = this.#amongAgents ? roomForOwn() : undefined;
		if (question.answer !== null) {
			this.#over.add(name);
			// Somebody may have been faster than this look.
			const task = this.#several ? view.id : null;
			const lines = this.#open.has(name) ? saidLines : answeredLines;
			this.#write(lines(question, { task, room }), output.colors.green);
		}
		// Without an answer and not open: nobody waits for one any more.
		else if (question.open && !this.#open.has(name)) {
			this.#open.add(name);
			ring(this.#context, "question");
			const who = this.#several ? { who: `\`${view.id}\` asks` } : {};
			this.#write(questionLines(view, question, { ...who, room }), output.colors.yellow);
		}
	}

	#write(lines: readonly string[], paint: (line: string) => string): void {
		const { output } = this.#context;
		for (const line of lines) output.write(paint(this.#amongAgents ? ownLine(line) : line));
	}
}

function nameOf({ id }: TaskView, { seq, askedAt }: ShownQuestion): string {
	return `${id} ${seq} ${askedAt}`;
}
