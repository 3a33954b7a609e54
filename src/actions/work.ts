/** The work of a task in a worktree: whose it is to look at, and where it is. */
import type { Orders } from "../config/orders.ts";
import type { Environment } from "../process/environment.ts";
import { DispatchError } from "../task/errors.ts";
import type { TaskRecord } from "../task/record.ts";
import { type Worktree, worktreeOf } from "../workspace/worktree.ts";

/**
 * @returns its worktree, which may be gone: its branch is in the repository all the same
 * @throws DISPATCH_USAGE for a task without one, or of another host; DISPATCH_NOT_SIGNED
 */
export function workOf(
	record: TaskRecord,
	{ orders, hostId, env }: { orders: Orders; hostId: string; env: Environment },
): Worktree {
	const { id, cwd } = record.spec;
	const worktree = worktreeOf(record.spec, env);
	if (worktree === null)
		throw new DispatchError("DISPATCH_USAGE", `\`${id}\` has no worktree: it works in ${cwd} itself.`, {
			hint: "`git diff` there shows what is changed; the next one gets a branch of its own with --worktree.",
		});
	if (record.host !== hostId)
		throw new DispatchError("DISPATCH_USAGE", `The worktree of \`${id}\` is on the host ${record.host}.`, {
			hint: `Run this on ${record.host}.`,
		});
	orders.require(record);
	return worktree;
}
