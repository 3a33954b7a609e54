import type { TaskRecord } from "../../task/record.ts";
import { troubleOf } from "../../task/view-why.ts";
import type { Context } from "../context.ts";
import { oneLine } from "./output.ts";
import { ownRows } from "./own-lines.ts";
import { inRows } from "./question-lines.ts";

interface RetryTellerOptions {
	/** it tells between the lines of an agent */
	amongAgents?: boolean;
	/** nobody else tells of starts */
	starts?: boolean;
}

/**
 * Tells that a start failed, or has to wait, and that the task is started again, each start once; and what else keeps a
 * task from going on, once until it is over.
 */
export class RetryTeller {
	readonly #context: Context;
	readonly #amongAgents: boolean;
	readonly #starts: boolean;
	/** by task: the newest start that was told, or was there before anybody listened, of which creation */
	readonly #told = new Map<string, { start: number; nonce: string }>();
	/** by task: what kept it when it was looked at last */
	readonly #troubles = new Map<string, string>();

	constructor(context: Context, { amongAgents = false, starts = false }: RetryTellerOptions = {}) {
		this.#context = context;
		this.#amongAgents = amongAgents;
		this.#starts = starts;
	}

	/** @param records as they are now */
	tell(records: readonly TaskRecord[]): void {
		const { output } = this.#context;
		if (output.json) return;
		for (const record of records) {
			const lines = [this.#lineOf(record), this.#troubleOf(record)].filter((line) => line !== null);
			const rows = (this.#amongAgents ? ownRows : inRows)(lines);
			for (const row of rows) output.write(output.colors.yellow(row));
		}
	}

	/** What is tried again says when, which is not told anew each time. */
	#troubleOf(record: TaskRecord): string | null {
		const { id } = record.spec;
		const before = this.#troubles.get(id);
		const text = troubleOf(record, Date.now())?.text;
		const why = text && record.trouble?.why;
		if (why) this.#troubles.set(id, why);
		else this.#troubles.delete(id);
		return text === undefined || why === before ? null : `\`${id}\`: ${text}`;
	}

	#lineOf({ spec, state, epoch, attempt, hold, outcome, startedAt }: TaskRecord): string | null {
		const { id, nonce } = spec;
		const before = this.#told.get(id);
		// One that was removed and made anew is another one.
		const told = before?.nonce === nonce ? before.start : undefined;
		const failed = state === "queued" && outcome?.kind === "queued" ? outcome.message : null;
		// Half a start: the failed one is told before the next one. The first one is nothing that is done again.
		const now = failed !== null ? epoch + 0.5 : startedAt === null ? epoch + 1 : epoch;
		this.#told.set(id, { start: now, nonce });
		if (failed !== null) return now === told ? null : retryLine(id, hold, failed);
		// It was too fast to be seen.
		const isMissed = told !== undefined && epoch > Math.ceil(told);
		return isMissed && this.#starts ? `\`${id}\` started again (attempt ${attempt}).` : null;
	}
}

/** `` `job` failed: The agent ended with exit code 3. It is started again in 10s (attempt 2 of 3). `` */
function retryLine(id: string, hold: TaskRecord["hold"], message: string): string {
	const failed = hold === null || hold.kind === "backoff" ? " failed" : "";
	return `\`${id}\`${failed}: ${oneLine(message)}`;
}
