/** A worker that moves to another Redis leaves tasks at the old one: nobody works on them, and nothing else names them. */
import { daemonState } from "../host/process.ts";
import { environmentOf } from "../process/processes.ts";
import type { Store } from "../queue/records/store.ts";
import { placeOf } from "../queue/redis/address.ts";
import type { Context } from "./context.ts";

const NAMED = 5;

/**
 * Asked before the worker is stopped: its own address, with the password, is known from its environment alone.
 * @returns what to say when the worker serves another address than this command; null where it leaves nothing
 */
export async function leftBehind(context: Context): Promise<string | null> {
	const daemon = daemonState(context.home);
	const wanted = placeOf(await context.redisUrl());
	if (daemon === null || daemon.redis === wanted) return null;
	const back = `\`dispatch up --restart\` with that address works on them again.`;
	const ids = await tasksAt(context, daemon.pid, daemon.redis);
	if (ids === null) return `Could not look which tasks this host leaves at ${daemon.redis}. ${back}`;
	if (ids.length === 0) return null;
	const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : "";
	const count = ids.length === 1 ? "1 task stays" : `${ids.length} tasks stay`;
	const named = `${ids.slice(0, NAMED).join(", ")}${more}`;
	return `${count} at ${daemon.redis}, where no worker of this host serves any more: ${named}. Agents that live run on. ${back}`;
}

/** @returns null: nobody could be asked */
async function tasksAt({ home }: Context, pid: number, place: string): Promise<string[] | null> {
	const url = environmentOf(pid)?.DISPATCH_REDIS_URL ?? null;
	if (placeOf(url) !== place) return null;
	try {
		return await askAndClose(await openAt(url, home), home.hostId);
	} catch {
		return null;
	}
}

async function openAt(url: string | null, home: Context["home"]): Promise<Store> {
	const { openLocalStore, openStore } = await import("../queue/records/open.ts");
	const options = { namespace: home.namespace, role: "command" as const };
	return url === null ? openLocalStore(home, options) : openStore({ ...options, target: { url } });
}

async function askAndClose(store: Store, hostId: string): Promise<string[]> {
	try {
		return await store.activeIds(hostId);
	} finally {
		await store.close();
	}
}
