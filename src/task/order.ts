/**
 * What a host executes of a record. A record in Redis is a wish; an order carries a signature that only the
 * user of the host's state directory can make, over exactly this (docs/SECURITY.md).
 */
import type { TaskRecord } from "./record.ts";
import { type AgentChoice, agentChoiceOf, type TaskSpec } from "./spec.ts";

export interface Order {
	namespace: string;
	host: string;
	/** prompt, directory, limits, the check, and the nonce of this one creation */
	spec: TaskSpec;
	chosen: AgentChoice | null;
}

/** @param changes what is about to be in force */
export function orderOf(
	record: Pick<TaskRecord, "spec" | "host" | "chosen">,
	namespace: string,
	changes: Partial<Pick<TaskRecord, "host" | "chosen">> = {},
): Order {
	const { spec, host, chosen } = { ...record, ...changes };
	// As a record will give it back: what else the object holds is not kept.
	return { namespace, host, spec, chosen: chosen === null ? null : agentChoiceOf(chosen) };
}
