/**
 * What happens to a batch, for who reads it as a log: a line for each event, one each minute in which nothing else
 * happens, at the end a table, what failed, and the totals. On a terminal the tasks at work stand below the lines.
 */
import { viewTasks } from "../../actions/views.ts";
import type { Store } from "../../queue/records/store.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isLive } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { liveRows } from "../screen/live-rows.ts";
import {
	blameLines,
	endColumns,
	leftOutLine,
	moreBlamedLine,
	shortLine,
	stillLine,
	tailBlocks,
	totalLine,
	workedMs,
} from "./batch-lines.ts";
import { roomOf, table } from "./columns.ts";
import { inRows } from "./question-lines.ts";
import { RunnerLog } from "./runner-log.ts";
import { TaskTeller } from "./task-teller.ts";

const QUIET_MS = 60_000;
/** Looks come four times a second; an outage is told where they stay away for so long. */
const AWAY_MS = 10_000;
const DRAW_MS = 1_000;
/** Of those that failed: a log that folds has room for all, one that does not would hide what matters above them. */
const TAILS_FOLDED = 20;
const TAILS_SHOWN = 3;

export class BatchLog {
	readonly #context: Context;
	readonly #store: Store;
	readonly #teller: TaskTeller;
	readonly #runner: RunnerLog;
	readonly #quietMs: number;
	readonly #timer: NodeJS.Timeout;
	#records: readonly TaskRecord[] = [];
	/** ms of `performance.now()` */
	#lookedAt = performance.now();
	#drawnAt = Number.NEGATIVE_INFINITY;

	/** To be released. @param since what started before is no news; ms since the Unix epoch */
	constructor(context: Context, store: Store, since: number) {
		this.#context = context;
		this.#store = store;
		this.#teller = new TaskTeller(context, store, since);
		this.#runner = new RunnerLog(context.output);
		this.#quietMs = Number(context.env.DISPATCH_BATCH_QUIET_MS) || QUIET_MS;
		if (this.#runner.folds) context.output.paint(context.env);
		this.#timer = setInterval(() => this.#beat(), Math.min(DRAW_MS, this.#quietMs)).unref();
	}

	release(): void {
		clearInterval(this.#timer);
	}

	/** @param records all of them, as they are now */
	async tell(records: readonly TaskRecord[]): Promise<void> {
		this.#records = records;
		this.#lookedAt = performance.now();
		await this.#teller.tell(records);
		await this.#draw();
	}

	/** A runner ends a job that is silent, and a person wonders. */
	#beat(): void {
		const { output } = this.#context;
		const now = performance.now();
		if (output.drawsProgress || now - output.printedAt < this.#quietMs) return;
		output.write(
			now - this.#lookedAt > Math.max(AWAY_MS, this.#quietMs)
				? "Redis does not answer. Agents work on, and this goes on once it is back."
				: stillLine(this.#records, Date.now()),
		);
	}

	async #draw(): Promise<void> {
		const { output } = this.#context;
		const now = performance.now();
		if (!output.drawsProgress || (now - this.#drawnAt < DRAW_MS && output.printedAt < this.#drawnAt)) return;
		this.#drawnAt = now;
		const live = await viewTasks(
			this.#store,
			this.#records.filter(({ state }) => isLive(state)),
		);
		const size = { columns: process.stderr.columns ?? 80, rows: process.stderr.rows ?? 24 };
		output.live(liveRows(live, shortLine(this.#records, Date.now()), { size, colors: output.colors }));
	}

	/** What became of all, with what failed at the end, where a log is read first. @param records as they are now */
	async end(records: readonly TaskRecord[]): Promise<void> {
		if (records.length === 0) return;
		const { output, env } = this.#context;
		const views = await viewTasks(this.#store, records);
		const now = Date.now();
		for (const { title, lines } of tailBlocks(views, this.#runner.folds ? TAILS_FOLDED : TAILS_SHOWN)) {
			if (!this.#runner.folds) output.write(`${title}:`);
			this.#runner.group(title, () => output.result(null, lines));
		}
		if (views.length > 1) {
			const worked = new Map(records.map((record) => [record.spec.id, workedMs(record, now)]));
			const columns = endColumns(views, worked, now, output.colors);
			const rows = await table(columns, roomOf(process.stdout, env), output.colors.dim);
			const more = leftOutLine(views);
			output.result(null, ["", ...rows, ...(more === null ? [] : [more]), ""]);
		}
		// Of a single one this stands right above.
		const isAlone = views.length === 1 && !this.#runner.folds;
		for (const { title, line } of isAlone ? [] : blameLines(views))
			this.#runner.error(title, inRows([line]).join("\n"));
		const more = moreBlamedLine(views);
		if (more !== null) output.write(more);
		output.write(totalLine(records, now));
	}
}
