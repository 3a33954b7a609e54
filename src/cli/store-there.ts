/** Redis as it is, for what only looks: no server is started for it. */
import { isUnreachable, openStore } from "../queue/records/open.ts";
import type { Store } from "../queue/records/store.ts";
import type { ConnectLimits } from "../queue/redis/connect.ts";
import { localTarget } from "../queue/redis/local-server.ts";
import type { Context } from "./context.ts";

const LIMITS: ConnectLimits = { answerMs: 6_000, loadingMs: 0 };

/**
 * @returns null: Redis cannot be reached
 * @throws what `work` throws, and what every command says of an address that is none
 */
export async function withStoreThere<T>(
	context: Context,
	work: (store: Store) => Promise<T>,
): Promise<T | null> {
	const url = await context.redisUrl();
	const { base, namespace } = context.home;
	const target = url === null ? localTarget({ path: base }) : { url };
	let store: Store | null = null;
	try {
		store = await openStore({ target, namespace, role: "command" }, LIMITS);
		return await work(store);
	} catch (error) {
		if (isUnreachable(error)) return null;
		throw error;
	} finally {
		await store?.close();
	}
}
