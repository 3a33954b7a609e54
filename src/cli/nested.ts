/** What an agent of dispatch may do with dispatch itself: look, and ask. */
import { configPath, homePath } from "../config/home.ts";
import { loadConfig } from "../config/load.ts";
import { directoriesOf } from "../config/state-directory.ts";
import { agentAbove } from "../process/caller.ts";
import { DispatchError } from "../task/errors.ts";
import type { Environment } from "./context.ts";

/**
 * An agent that takes DISPATCH_TASK out of its environment, or gives itself another task's name, is the task's agent
 * all the same: what it started is known by its ancestors and by what it inherited. From here on the variable says so.
 */
export function recognizeCaller(env: Environment): void {
	let task: string | null = null;
	for (const home of directoriesOf(homePath(env))) task ??= agentAbove(home);
	if (task === null) return;
	env.DISPATCH_TASK = task;
	process.env.DISPATCH_TASK = task;
}

/**
 * The one rule for every command that changes something. An agent that submits tasks can multiply without end,
 * and one that answers questions answers its own.
 * @param allowed `--allow-nested`
 * @throws DISPATCH_NESTED inside a task, unless both the call and the config allow it
 */
export async function mayChange(env: Environment, allowed: boolean): Promise<void> {
	if (!env.DISPATCH_TASK) return;
	const who = `This is the agent of the task "${env.DISPATCH_TASK}"`;
	if (!allowed) {
		throw new DispatchError("DISPATCH_NESTED", `${who}: it may look and ask, not change anything here.`, {
			hint: "Do the work yourself; if the user wants it otherwise: --allow-nested, where the config has `allow: [nested]`.",
		});
	}
	const config = await loadConfig({ path: configPath(env), env });
	if (config.allow.includes("nested")) return;
	throw new DispatchError("DISPATCH_NESTED", `${who}: the config does not allow --allow-nested.`, {
		hint: "Do the work yourself; the user may put `allow: [nested]` into the config.",
	});
}
