/** `--state`, `--tag` and `--host`, for commands that take several tasks. */
import type { TaskFilter } from "../../actions/list.ts";
import { pairsOf } from "./values.ts";

export interface TaskFilterFlags {
	state?: string[];
	tag?: string[];
	host?: string;
}

/** @throws DISPATCH_USAGE */
export function filterOf({ state, tag, host }: TaskFilterFlags): TaskFilter {
	return { states: state, tags: tag && pairsOf(tag, "--tag"), host };
}
