import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import { formatDuration } from "../../task/duration.ts";
import { agentOf, type TaskRecord } from "../../task/record.ts";
import { isEnded, isLive, SKIPPED, type State } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { ring } from "./bell.ts";
import { inRows } from "./question-lines.ts";
import { QuestionTeller } from "./question-teller.ts";
import { endLine } from "./report-lines.ts";
import { RetryTeller } from "./retry-teller.ts";

type Seen = Pick<TaskRecord, "epoch" | "state">;

const NEW: Seen = { epoch: 0, state: "queued" };

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
		const { output } = this.#context;
		const news = records.filter((record) => !this.#isKnown(record));
		this.#retries.tell(news);
		for (const record of news) if (this.#hasStarted(record)) output.write(startedLine(record));
		const isOver = ({ spec }: TaskRecord) => isRest(this.#seen.get(spec.id)?.state ?? "queued");
		await this.#questions.tell(records.filter((record) => !isOver(record) || news.includes(record)));
		const rests = news.filter(({ state }) => isRest(state));
		for (const view of await viewTasks(this.#store, rests)) {
			if (isEnded(view.state)) ring(this.#context, view.state);
			output.result(null, inRows([endLine(view)]));
		}
		for (const { spec, epoch, state } of news) this.#seen.set(spec.id, { epoch, state });
	}

	#isKnown({ spec, epoch, state }: TaskRecord): boolean {
		const { epoch: knownEpoch, state: known } = this.#seen.get(spec.id) ?? NEW;
		return epoch === knownEpoch && state === known;
	}

	#hasStarted({ spec, epoch, state, startedAt }: TaskRecord): boolean {
		const before = this.#seen.get(spec.id);
		if (epoch <= (before ?? NEW).epoch) return false;
		return before !== undefined || isLive(state) || (startedAt ?? 0) >= this.#since;
	}
}

function isRest(state: State): boolean {
	return isEnded(state) || state === "parked";
}

function startedLine(record: TaskRecord): string {
	const { model, backend } = agentOf(record);
	const using = `using ${model ?? backend}`;
	return record.epoch === 1
		? `\`${record.spec.id}\` started ${using}.`
		: `\`${record.spec.id}\` started again ${using} (attempt ${record.attempt}).`;
}

const ORDER: readonly (State | typeof SKIPPED)[] = [
	...(["completed", "failed", "cancelled", SKIPPED] as const),
	...(["parked", "asking", "running", "queued", "waiting"] as const),
];

/** `18 completed, 1 failed in 12m, $3.10`: of all of them, from the first one's creation to the last one's end. */
export function totalLine(records: readonly TaskRecord[], now: number): string {
	const became = records.map(({ state, reason }) => (reason === SKIPPED ? SKIPPED : state));
	const counts = ORDER.flatMap((state) => {
		const count = became.filter((each) => each === state).length;
		return count === 0 ? [] : [`${count} ${state}`];
	});
	const from = Math.min(...records.map(({ createdAt }) => createdAt));
	const until = Math.max(...records.map(({ state, endedAt }) => (isEnded(state) ? (endedAt ?? now) : now)));
	return `${counts.join(", ")} in ${formatDuration(Math.max(0, until - from))}${costOf(records)}`;
}

/** Nothing where no agent said what it cost. */
function costOf(records: readonly TaskRecord[]): string {
	const usages = records.flatMap(({ progress }) => progress.usage ?? []);
	const known = usages.flatMap(({ costUsd }) => costUsd ?? []);
	if (known.length === 0) return "";
	const sum = known.reduce((total, each) => total + each, 0);
	return `, ${usages.some(({ estimated }) => estimated) ? "about " : ""}$${sum.toFixed(2)}`;
}
