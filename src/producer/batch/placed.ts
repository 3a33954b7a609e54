/** A task of a batch file and where it stands: everything that is wrong with it is told with its place. */
import { cutText } from "../../task/cut-text.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Group } from "./items.ts";
import type { Path, ReadBatch } from "./read.ts";
import type { BatchFile, BatchTask } from "./schema.ts";

const ITEM_SHOWN = 60;

/** A task and where it stands. */
export class Placed {
	readonly task: BatchTask;
	/** place in the list, from 0 */
	readonly n: number;
	/** what it was made for; null: no `foreach` */
	readonly group: Group | null;
	readonly #batch: ReadBatch;

	constructor(batch: ReadBatch, n: number, task: BatchTask, group: Group | null = null) {
		this.#batch = batch;
		this.n = n;
		this.task = task;
		this.group = group;
	}

	/** The same with its texts filled in. */
	filledFor(group: Group, task: BatchTask): Placed {
		return new Placed(this.#batch, this.n, task, group);
	}

	/** where its id stands, or the item of a list that it was made for */
	get #origin(): Path {
		const { at = null } = this.group?.items[0] ?? {};
		return at === null ? this.pathOf("id") : [...this.pathOf("foreach"), ...at];
	}

	/** as it stands in the file, with its places for items */
	get written(): BatchTask {
		return this.#batch.tasks[this.n] ?? {};
	}

	/** the ids of all tasks of the file, as they stand there */
	get writtenIds(): ReadonlySet<string> {
		return new Set(this.#batch.tasks.flatMap(({ id }) => id ?? []));
	}

	get line(): number {
		return this.#batch.lineOf(this.#origin);
	}

	/** Of the task as the one that it is. */
	refuseOrigin(why: string): DispatchError {
		return this.#batch.refuse(this.#origin, why);
	}

	/** Whether the task says it itself. */
	owns(key: string): boolean {
		return key in (this.#batch.tasks[this.n] ?? {});
	}

	/** A key of it, which may stand among the defaults; of one that is nowhere, the task. */
	pathOf(key: string | null): Path {
		const own = ["tasks", this.n];
		if (key === null || !(key in this.task)) return own;
		return [...(this.owns(key) ? own : ["defaults"]), key];
	}

	/** "tasks.yaml:3:5: tasks[0].id"; where no key is named, of the task as a whole */
	placeOf(key: string | null, below: Path = []): string {
		return this.#batch.placeOf([...this.pathOf(key), ...below]);
	}

	/** @param below the place within the value, such as the third of a list */
	refuse(key: string, why: string, below: Path = []): DispatchError {
		const path = key in this.task ? this.pathOf(key) : ["tasks", this.n, key];
		const [item] = this.group?.items ?? [];
		const of = item === undefined ? "" : ` (for ${JSON.stringify(cutText(item.name, ITEM_SHOWN))})`;
		return this.#batch.refuse([...path, ...below], `${why}${of}`);
	}

	/** A refusal of one value, with the place of that value. */
	at<T>(key: keyof BatchTask, work: () => T): T {
		try {
			return work();
		} catch (error) {
			if (error instanceof DispatchError) throw this.refuse(key, error.message.replace(/\.$/, ""));
			throw error;
		}
	}
}

/** Keys of which a task can have one: its own takes the place of another one among the defaults. */
export const EITHER: readonly (readonly [keyof BatchTask, keyof BatchTask])[] = [
	["prompt", "prompt_file"],
	["plan", "items"],
];

/** A task with what stands once for all. */
export function withDefaults({ defaults = {} }: BatchFile, task: BatchTask): BatchTask {
	const left: BatchTask = { ...defaults };
	for (const keys of EITHER) if (keys.some((key) => key in task)) for (const key of keys) delete left[key];
	return {
		...left,
		...task,
		...(left.tags && task.tags ? { tags: { ...left.tags, ...task.tags } } : {}),
		...(left.vars && task.vars ? { vars: { ...left.vars, ...task.vars } } : {}),
	};
}
