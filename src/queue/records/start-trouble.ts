/** Why a queued task's agent is not started, into its record: what passes over a start without a word makes it wait for no reason. */
import { oneLine } from "../../task/clean-text.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { START_STEP, type Trouble } from "../../task/trouble.ts";
import type { Store } from "./store.ts";

const WHY_CHARS = 300;

/** With what helps, where that is known. */
export function startTrouble({ epoch }: Pick<TaskRecord, "epoch">, error: unknown): Trouble {
	const said = error instanceof Error ? error.message : String(error);
	const why = error instanceof DispatchError ? error.inFull : said;
	return { epoch, step: START_STEP, why: oneLine(why, WHY_CHARS) };
}

/** @param error null: nothing keeps it any more. Where it was started meanwhile nothing happens. @throws as `store.follow` */
export async function tellStartTrouble(
	store: Pick<Store, "follow">,
	record: Pick<TaskRecord, "spec" | "epoch" | "trouble">,
	error: unknown,
): Promise<void> {
	const trouble = error === null ? null : startTrouble(record, error);
	if (JSON.stringify(trouble) === JSON.stringify(record.trouble)) return;
	await store.follow(record.spec.id, record.epoch, { trouble });
}
