/** This host, as its own files tell: for why its tasks wait. */
import { refusedOf, type Told } from "../../actions/unsigned.ts";
import type { Here } from "../../actions/waits.ts";
import { daemonState, otherwise } from "../../host/process.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Context } from "../context.ts";

/** @param url the address that is asked; null: the local server */
export function hereOf({ home }: Pick<Context, "home">, url: string | null): Here {
	const daemon = daemonState(home);
	const instead = daemon === null ? null : otherwise(daemon, home, url);
	const worker = () => {
		if (daemon === null) return "none";
		if (instead !== null) return "elsewhere";
		if (daemon.frozen) return "stopped";
		if (daemon.redisFault !== null) return "refused";
		return daemon.draining ? "drains" : "up";
	};
	return { host: home.hostId, worker: worker(), pid: daemon?.pid ?? null, instead };
}

/** What of these this host will not start. Where its key cannot be used, nobody knows: `status` and `doctor` tell that. */
export function refusedHere(
	{ home }: Pick<Context, "home">,
	records: readonly TaskRecord[],
): Map<string, Told> {
	try {
		return refusedOf(records, home, home.namespace);
	} catch (error) {
		if (error instanceof DispatchError) return new Map();
		throw error;
	}
}
