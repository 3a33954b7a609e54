/** What `l` shows of a task: as `dispatch logs` does. */
import picocolors from "picocolors";
import type { Store } from "../../queue/records/store.ts";
import { DispatchError, isOutage } from "../../task/errors.ts";
import { lineSource } from "../show/agent-lines.ts";
import { type Moment, woven } from "../show/log-source.ts";

const NO_COLORS = picocolors.createColors(false);

/** The last `count` lines of its agent, start by start, with what it asked and was told since the first of them. */
export async function logText(store: Store, id: string, count: number): Promise<string> {
	const source = lineSource(store, id, NO_COLORS);
	const lines = await source.last(count);
	const first = lines.length === count ? lines[0] : undefined;
	const from = (first && source.at(first)) ?? 0;
	const moments: Moment[] = (await source.moments?.(false).catch(noneOfNoTask)) ?? [];
	return woven(
		source,
		lines,
		moments.filter(({ at }) => at >= from),
	).join("\n");
}

/** It was removed meanwhile. */
function noneOfNoTask(error: unknown): Moment[] {
	if (error instanceof DispatchError && !isOutage(error)) return [];
	throw error;
}
