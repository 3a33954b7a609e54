/** Opens the store of a namespace: the server that is named, or the local one. */

import { shownAddress } from "../../task/address.ts";
import { DispatchError } from "../../task/errors.ts";
import { type ConnectLimits, connect, type RedisTarget, type Role } from "../redis/connect.ts";
import { ensureLocalServer, localTarget } from "../redis/local-server.ts";
import { checkPolicy } from "../redis/settings.ts";
import { Store } from "./store.ts";

export interface OpenOptions {
	target: RedisTarget;
	namespace: string;
	role: Role;
	/** called with a line when the server may lose acknowledged data */
	warn?: (line: string) => void;
}

/**
 * @param limits how long it may take; left out: as long as a server takes that has just been started
 * @throws DISPATCH_REDIS_UNREACHABLE, DISPATCH_REDIS_POLICY
 */
export function openStore(options: OpenOptions, limits?: ConnectLimits): Promise<Store> {
	return open(options, limits);
}

/** A server that answers does so at once; every other case is that of `ensureLocalServer`. */
const AT_ONCE: ConnectLimits = { answerMs: 1_000, loadingMs: 0 };

/**
 * The store on the local server of a state directory, which is started when it does not run.
 * @param home the state directory @param told a line for people: where data lie that somebody moved
 * @throws as `openStore` and `ensureLocalServer`
 */
export async function openLocalStore(
	home: { path: string },
	options: Omit<OpenOptions, "target">,
	told: (line: string) => void,
): Promise<Store> {
	const target = localTarget(home);
	try {
		return await open({ ...options, target }, AT_ONCE);
	} catch (error) {
		if (!isUnreachable(error)) throw error;
	}
	return openStore({ ...options, target: await ensureLocalServer(home, told) });
}

async function open({ target, namespace, role, warn }: OpenOptions, limits?: ConnectLimits): Promise<Store> {
	const { client, settings, another } = await connect(target, role, limits);
	try {
		const warning = checkPolicy(settings, shownAddress(target));
		if (warning !== null) warn?.(warning);
	} catch (error) {
		client.disconnect();
		throw error;
	}
	return new Store({ client, target, namespace, another });
}

/**
 * A call whose reply was lost is made once more, on a new connection, which the store goes on with: what comes after
 * an accepted call must not be told as its refusal.
 * @param call must be the same call the second time: by a nonce, or by its own name
 */
export async function onceMore<T>(store: Store, call: (store: Store) => Promise<T>): Promise<T> {
	try {
		return await call(store);
	} catch (error) {
		if (!isUnreachable(error)) throw error;
	}
	const { target, namespace } = store;
	const again = await openStore({ target, namespace, role: "command" });
	if (store.isCut) {
		store.goOnWith(again.client);
		return call(store);
	}
	try {
		return await call(again);
	} finally {
		await again.close();
	}
}

export function isUnreachable(error: unknown): error is DispatchError {
	return error instanceof DispatchError && error.code === "DISPATCH_REDIS_UNREACHABLE";
}
