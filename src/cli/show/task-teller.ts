import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import { agentOf, type TaskRecord } from "../../task/record.ts";
import { isEnded, isLive, type State } from "../../task/states.ts";
import { START_STEP } from "../../task/trouble.ts";
import type { Context } from "../context.ts";
import { ring } from "./bell.ts";
import { inRows } from "./question-lines.ts";
import { QuestionTeller } from "./question-teller.ts";
import { endLine } from "./report-lines.ts";
import { RetryTeller } from "./retry-teller.ts";

type Seen = Pick<TaskRecord, "epoch" | "state"> & {
	nonce: string | null;
	/** an agent of it ran, as far as is known */
	hasRun: boolean;
};

/** Of lines that say how one ended. */
const PAINTED: Partial<Record<State, "green" | "red" | "yellow">> = {
	completed: "green",
	failed: "red",
	cancelled: "yellow",
	parked: "yellow",
};

const NEW: Seen = { epoch: 0, state: "queued", nonce: null, hasRun: false };

/** Tells what happens to several tasks, a line each, as it happens: starts, questions, answers, ends. */
export class TaskTeller {
	readonly #context: Context;
	readonly #store: Store;
	readonly #questions: QuestionTeller;
	readonly #retries: RetryTeller;
	/** what started before is no news; ms since the Unix epoch */
	readonly #since: number;
	readonly #seen = new Map<string, Seen>();

	constructor(context: Context, store: Store, since: number) {
		this.#context = context;
		this.#store = store;
		this.#since = since;
		this.#questions = new QuestionTeller(context, store, { several: true });
		this.#retries = new RetryTeller(context);
	}

	/** @param records all of them, as they are now */
	async tell(records: readonly TaskRecord[]): Promise<void> {
		const news = records.filter((record) => !this.#isKnown(record));
		const isOver = ({ spec }: TaskRecord) => isRest(this.#seen.get(spec.id)?.state ?? "queued");
		await this.#questions.tell(records.filter((record) => !isOver(record) && !news.includes(record)));
		for (const each of needsFirst(news)) await this.#tellNews(each);
	}

	async #tellNews(news: readonly TaskRecord[]): Promise<void> {
		const { output } = this.#context;
		this.#retries.tell(news);
		for (const record of news) {
			const { spec, epoch } = record;
			if (!this.#hasStarted(record)) continue;
			output.write(startedLine(record, this.#isFirst(record)));
			// Redis may be gone before the rest is told: this much is told once.
			this.#seen.set(spec.id, { epoch, state: "running", nonce: spec.nonce, hasRun: true });
		}
		await this.#questions.tell(news);
		const rests = news.filter(({ state }) => isRest(state));
		for (const view of await viewTasks(this.#store, rests)) {
			if (isEnded(view.state)) ring(this.#context, view.state);
			const paint = PAINTED[view.state];
			const rows = inRows([endLine(view)]);
			output.result(null, paint === undefined ? rows : rows.map(output.colors[paint]));
		}
		for (const record of news) {
			const { spec, epoch, state } = record;
			this.#seen.set(spec.id, { epoch, state, nonce: spec.nonce, hasRun: this.#hasRun(record) });
		}
	}

	#isKnown({ spec, epoch, state }: TaskRecord): boolean {
		const { epoch: knownEpoch, state: known } = this.#seen.get(spec.id) ?? NEW;
		return epoch === knownEpoch && state === known;
	}

	#hasRun(record: TaskRecord): boolean {
		const before = this.#seen.get(record.spec.id);
		if (before?.nonce === record.spec.nonce && before.hasRun) return true;
		return record.startedAt !== null && !isPutBack(record);
	}

	#hasStarted(record: TaskRecord): boolean {
		const { spec, epoch, state, startedAt } = record;
		const before = this.#seen.get(spec.id);
		if (isPutBack(record) || epoch <= (before ?? NEW).epoch) return false;
		return before !== undefined || isLive(state) || (startedAt ?? 0) >= this.#since;
	}

	/** Epochs go on where a removed task had the same id: they do not tell. */
	#isFirst({ spec, epoch, attempt, startedAt }: TaskRecord): boolean {
		const before = this.#seen.get(spec.id);
		const isOther = before === undefined || before.nonce !== spec.nonce;
		const isNew = isOther ? (startedAt ?? 0) >= this.#since : !before.hasRun;
		return epoch === 1 || (isNew && attempt === 1);
	}
}

/** Its newest start was none: it failed before there was an agent. */
function isPutBack({ state, epoch, trouble }: TaskRecord): boolean {
	return state === "queued" && trouble?.step === START_STEP && trouble.epoch === epoch;
}

/** In groups: what a look finds at once has happened in turn, the end of a task before the start that needs it. */
function needsFirst(records: readonly TaskRecord[]): TaskRecord[][] {
	const groups: TaskRecord[][] = [];
	for (let left = [...records]; left.length > 0; ) {
		const ids = new Set(left.map(({ spec }) => spec.id));
		const isFree = ({ spec }: TaskRecord) => !spec.after.some((need) => ids.has(need));
		const free = left.filter(isFree);
		// Only a damaged record could need itself.
		if (free.length === 0) return [...groups, left];
		groups.push(free);
		left = left.filter((record) => !isFree(record));
	}
	return groups;
}

function isRest(state: State): boolean {
	return isEnded(state) || state === "parked";
}

function startedLine(record: TaskRecord, isFirst: boolean): string {
	const { model, backend } = agentOf(record);
	const using = `using ${model ?? backend}`;
	return isFirst
		? `\`${record.spec.id}\` started ${using}.`
		: `\`${record.spec.id}\` started again ${using} (attempt ${record.attempt}).`;
}
