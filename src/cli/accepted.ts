/** What is shown of tasks that were put in: whatever keeps it from being shown, they are. */
import { isUnreachable, onceMore } from "../queue/records/open.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";

/**
 * @param ids of the tasks
 * @param read made again on a new connection, if need be
 * @throws DISPATCH_REDIS_UNREACHABLE, which says that they are accepted
 */
export async function ofAccepted<T>(
	store: Store,
	ids: readonly string[],
	read: (store: Store) => Promise<T>,
): Promise<T> {
	try {
		return await onceMore(store, read);
	} catch (error) {
		if (!isUnreachable(error)) throw error;
		const what = ids.length === 1 ? `\`${ids[0]}\` was accepted` : `${ids.length} tasks were accepted`;
		throw new DispatchError(error.code, `${what}, but cannot be shown: ${error.message}`, {
			hint: "Look with `dispatch ls` when Redis is back.",
			cause: error,
		});
	}
}
