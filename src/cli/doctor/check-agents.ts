import { leftAgents } from "../../actions/left-agents.ts";
import type { Home } from "../../config/home.ts";
import { openStore } from "../../queue/records/open.ts";
import type { RedisTarget } from "../../queue/redis/connect.ts";
import { DispatchError } from "../../task/errors.ts";
import { type Finding, warn } from "./finding.ts";

/** Agents that live on without a task: nobody settles them. */
export async function checkAgents(target: RedisTarget, { namespace, path }: Home): Promise<Finding[]> {
	try {
		const store = await openStore({ target, namespace, role: "command" });
		try {
			return (await leftAgents(store, path)).map(({ task, start, why }) =>
				warn(
					"worker",
					`The agent of ${task}, start ${start}, lives and no task follows it: ${why}.`,
					"dispatch down --stop-agents ends all agents of this host; `dispatch up` goes on with the others",
				),
			);
		} finally {
			await store.close();
		}
	} catch (error) {
		// What is wrong with Redis is told by its own check.
		if (error instanceof DispatchError) return [];
		throw error;
	}
}
