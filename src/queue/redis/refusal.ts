/** Whether a server that answers refuses to write: it is full, cannot write to its disk, or has no replicas, or is one. */
import type { Redis } from "ioredis";
import { DispatchError } from "../../task/errors.ts";
import { type RedisTarget, translateFault } from "./connect.ts";

/** A command that grows a value and, of a key that is not there by nothing, writes nothing: the server judges it all the same. */
const probe = (client: Redis, key: string) => client.setrange(key, 0, "");

/**
 * What it says to any write is what keeps tasks from their starts: commands that only read would know nothing of it.
 * @param key one that nobody uses
 * @returns null: it takes them, or does not let this user ask. @throws nothing
 */
export async function refusalOf(
	client: Redis,
	key: string,
	target: RedisTarget,
): Promise<DispatchError | null> {
	try {
		await probe(client, key);
		return null;
	} catch (error) {
		// One that is away says nothing.
		if (!(error instanceof Error) || error.name !== "ReplyError") return null;
		if (/NOPERM|WRONGTYPE/.test(error.message)) return null;
		const told = translateFault(error, target);
		return told instanceof DispatchError ? told : null;
	}
}
