/** Opens the store of a namespace: the server that is named, or the local one. */

import { checkPolicy, connect, createClient, type RedisTarget, type Role } from "../redis/connect.ts";
import { Store } from "./store.ts";

export interface OpenOptions {
	target: RedisTarget;
	namespace: string;
	role: Role;
	/** called with a line when the server may lose acknowledged data */
	warn?: (line: string) => void;
}

/** @throws DISPATCH_REDIS_UNREACHABLE, DISPATCH_REDIS_POLICY */
export async function openStore(options: OpenOptions): Promise<Store> {
	const client = await connect(options.target, options.role);
	try {
		const warning = await checkPolicy(client, options.target);
		if (warning !== null) options.warn?.(warning);
	} catch (error) {
		client.disconnect();
		throw error;
	}
	return new Store({ client, target: options.target, namespace: options.namespace });
}

/** One more connection to the same server, for what blocks or subscribes. */
export function openSecond(store: Store) {
	return createClient(store.target, "service");
}
