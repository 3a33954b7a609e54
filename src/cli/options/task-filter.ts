/** `--state`, `--tag`, `--host` and `--mine`, for commands that take several tasks. */
import type { TaskFilter } from "../../actions/list.ts";
import { pairsOf, whoAmI } from "./values.ts";

export interface TaskFilterFlags {
	state?: string[];
	tag?: string[];
	host?: string;
	mine?: boolean;
}

/** @throws DISPATCH_USAGE */
export function filterOf({ state, tag, host, mine }: TaskFilterFlags): TaskFilter {
	const owner = mine === true ? whoAmI() : undefined;
	return { states: state, tags: tag && pairsOf(tag, "--tag"), host, owner };
}
