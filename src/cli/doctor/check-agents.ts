import { leftAgents } from "../../actions/left-agents.ts";
import type { Home } from "../../config/home.ts";
import { tasksLeft } from "../../host/left-places.ts";
import type { Store } from "../../queue/records/store.ts";
import { type Finding, warn } from "./finding.ts";

/** Agents that live on without a task: nobody settles them. */
export async function checkAgents(store: Store, { path, base }: Home, here: string): Promise<Finding[]> {
	return (await leftAgents(store, path, tasksLeft(base, here))).map(({ task, start, why }) =>
		warn(
			"worker",
			`The agent of ${task}, start ${start}, lives and no task follows it: ${why}.`,
			"dispatch down --stop-agents ends all agents of this host; `dispatch up` goes on with the others",
		),
	);
}
