/** Moves a task from a host that is gone to this one. */
import type { Config } from "../config/load.ts";
import { restampTaskDir } from "../ipc/task-dir.ts";
import { sweepRun } from "../process/end-run.ts";
import { whyNoDirectoryNow } from "../process/is-directory.ts";
import { listHosts } from "../queue/records/host-list.ts";
import { lostHosts, moveToHost } from "../queue/records/lost-hosts.ts";
import type { RecordChanges } from "../queue/records/record-fields.ts";
import type { Store } from "../queue/records/store.ts";
import { DispatchError } from "../task/errors.ts";
import { agentOf, type TaskRecord, workspaceOf } from "../task/record.ts";
import type { AgentChoice } from "../task/spec.ts";
import { isEnded, type State } from "../task/states.ts";
import { changesOf, notBefore } from "./retry.ts";

export interface TakeOver {
	/** this host */
	host: string;
	by: string;
	config: Config;
	fresh: boolean;
	/** the signature of the record as it will be here */
	sign(record: TaskRecord, chosen: AgentChoice | null): string;
}

/** @throws DISPATCH_NO_BACKEND */
function changesFor(record: TaskRecord, chosen: AgentChoice | null, to: TakeOver): RecordChanges {
	const { backend } = agentOf({ ...record, chosen });
	if (to.config.backends[backend] === undefined)
		throw new DispatchError("DISPATCH_NO_BACKEND", `This host has no backend "${backend}".`, {
			hint: "Name another model with --model, or add the backend: dispatch config add-backend.",
		});
	const fresh = to.fresh || record.state === "completed";
	const signature = to.sign(record, chosen);
	// A session lies in the files of its host.
	if (isEnded(record.state)) return { ...changesOf(record, chosen, fresh), sessionId: null, signature };
	const startMode = fresh ? "fresh" : "resume";
	return { chosen, startMode, sessionId: null, charge: false, hold: null, signature };
}

/**
 * Its agent or check, should it live on this very machine under another state directory, is ended first; elsewhere its host
 * ends it when it comes back, and nothing that it still does is believed.
 * @param chosen who works on it here: what was shown to whoever asked for it
 * @returns the state it has here
 * @throws DISPATCH_NOT_ENDED while its host lives, DISPATCH_BAD_CWD, DISPATCH_NO_BACKEND, DISPATCH_STALE
 */
export async function takeOver(
	store: Store,
	record: TaskRecord,
	chosen: AgentChoice | null,
	to: TakeOver,
): Promise<State> {
	const { id, nonce } = record.spec;
	await checkTakeOver(store, record);
	const set = changesFor(record, chosen, to);
	if (record.runNonce !== null) await sweepRun(record.runNonce, { task: id });
	const { host, by } = to;
	const moved = await moveToHost(store, { id, host, by, revision: record.revision, set });
	if (moved.result === "alive") throw await hostLives(store, record);
	if (moved.result === "needs") throw await notBefore(store, id, moved);
	if (moved.result !== "moved")
		throw new DispatchError("DISPATCH_STALE", `\`${id}\` changed in between.`, {
			hint: `Look again: dispatch status ${id}`,
		});
	restampTaskDir(workspaceOf(record), id, { namespace: store.namespace, host, nonce });
	return moved.state;
}

/** What stands against taking it over. @throws DISPATCH_NOT_ENDED while its host lives, DISPATCH_BAD_CWD */
export async function checkTakeOver(store: Store, record: TaskRecord): Promise<void> {
	const { id } = record.spec;
	const directory = workspaceOf(record);
	if (whyNoDirectoryNow(directory) !== null) {
		throw new DispatchError(
			"DISPATCH_BAD_CWD",
			`\`${id}\` works in ${directory}, which is not on this host.`,
			{
				hint: "Make the directory (a clone, a mount), then repeat; or enqueue the work anew with --cwd.",
			},
		);
	}
	const isLost = isEnded(record.state) || (await lostHosts(store, [record])).has(record.host);
	if (!isLost) throw await hostLives(store, record);
}

async function hostLives(store: Store, { spec, host, state }: TaskRecord): Promise<DispatchError> {
	const [listed] = await listHosts(store, [host]);
	const [why, hint] =
		listed?.state === "stopped"
			? [
					"the worker of that host was stopped a moment ago: it may come back",
					"Again in a quarter of a minute.",
				]
			: listed?.state === "unknown"
				? ["nothing is known of that host yet: its worker may be about to start", null]
				: ["the worker of that host lives", null];
	return new DispatchError("DISPATCH_NOT_ENDED", `\`${spec.id}\` is ${state} on ${host}, and ${why}.`, {
		hint: hint ?? `Cancel it first: dispatch cancel ${spec.id}`,
	});
}
