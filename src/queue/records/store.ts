/**
 * The store of one namespace: task records, questions, logs and events in Redis. Every write goes through
 * a script of `scripts/`; a move always names what it expects.
 */
import { randomBytes } from "node:crypto";
import { upMs } from "../../process/identity.ts";
import type { Agreed } from "../../task/agreed.ts";
import { FIELDS } from "../../task/record.ts";
import type { Hold, TaskSpec } from "../../task/spec.ts";
import type { State } from "../../task/states.ts";
import { withMadeAt } from "./made-at.ts";
import { Questions } from "./questions.ts";
import { encodeFields, newFields, type RecordChanges } from "./record-fields.ts";
import { type RemovedTask, soundRemoved } from "./removed-task.ts";

export interface MoveRequest {
	id: string;
	from: readonly State[];
	to: State;
	/** refused unless the record still has these */
	revision?: number;
	epoch?: number;
	generation?: number;
	/** the nonce of the epoch that a start mints */
	runNonce?: string;
	/** of a start: who makes it (`ownIdentity`) */
	holder?: string;
	set?: RecordChanges;
	/** for the event: why */
	why?: string;
}

export type MoveResult =
	| { result: "moved"; state: State; revision: number; epoch: number; attempt: number }
	| { result: "stale"; state: State; revision: number; epoch: number }
	| NotStarted
	| { result: "none" };

/** It has ended, and is not started again: what it needs has ended, and did not complete. */
export interface NotStarted {
	result: "needs";
	state: State;
	need: string;
	became: "failed" | "cancelled" | "removed";
}

export type CreateResult =
	| { result: "created" | "repeated" | "exists" | "key_conflict"; id: string }
	/** `need`: one of `spec.after` that is not there, or damaged */
	| { result: "no_need"; id: string; need: string };
export type CancelResult =
	| { result: "cancelled" | "cancelling" | "ended"; state: State }
	| { result: "none" };

export type RemoveResult =
	| { result: "none" }
	| { result: "not_ended"; state: State }
	/** `left`: what its host has to clear; null where a damaged record did not tell it. `nonces`: all that it named */
	| { result: "removed"; host: string; left: RemovedTask | null; nonces: string[] };

interface RemoveReply {
	result: RemoveResult["result"];
	state: State;
	host: string;
	left: unknown;
	/** an empty list is an empty object of Lua's */
	nonces: unknown;
}

export function newNonce(): string {
	return randomBytes(8).toString("hex");
}

export class Store extends Questions {
	/**
	 * Acknowledges a task. The same spec (by its nonce) again is the same task.
	 * @param options.signature of the host's user; without it no host executes the task
	 */
	create(
		spec: TaskSpec,
		{
			key,
			signature = null,
		}: { key?: { key: string; hash: string } | undefined; signature?: string | null } = {},
	): Promise<CreateResult> {
		return this.run("create", {
			id: spec.id,
			...newFields(spec, signature, this.clock),
			nonce: spec.nonce,
			host: spec.host,
			after: spec.after,
			key: key?.key,
			keyHash: key?.hash,
		});
	}

	/** The one way to change a state; see MOVES. A stale request changes nothing. */
	move(request: MoveRequest): Promise<MoveResult> {
		const { id, set: changes = {}, ...rest } = request;
		const set = encodeFields(changes);
		if (set.hold !== undefined) set.hold = withMadeAt(set.hold, this.clock);
		return this.run("move", { id, ...rest, set, upMs: upMs() });
	}

	/** Records what an agent did; false when its epoch is over. */
	async follow(id: string, epoch: number, set: RecordChanges, report?: string): Promise<boolean> {
		const reply = await this.run<{ result: string }>("follow", {
			id,
			epoch,
			set: encodeFields(set),
			report,
		});
		return reply.result === "ok";
	}

	async newIpc(id: string, epoch: number): Promise<boolean> {
		return (await this.run<{ result: string }>("newIpc", { id, epoch })).result === "ok";
	}

	/** Looks anew at what a waiting task needs; a repeat does no harm. @returns whether it waits no longer */
	async settleNeeds(id: string): Promise<boolean> {
		const { result, state } = await this.run<{ result: string; state?: State }>("settleNeeds", { id });
		return result === "ok" && state !== "waiting";
	}

	/** Says why a queued task waits; nothing happens when it moved on. */
	async hold(id: string, generation: number, hold: Hold | null): Promise<void> {
		await this.run("hold", { id, generation, hold: withMadeAt(FIELDS.hold.write(hold), this.clock) });
	}

	/** @param agreed as it was shown; left out: whatever it is by now */
	cancel(id: string, by: string, agreed?: Agreed): Promise<CancelResult> {
		return this.run("cancel", { id, by, agreed, evenDamaged: true });
	}

	/** @param agreed as for `cancel` */
	async remove(id: string, agreed?: Agreed): Promise<RemoveResult> {
		const { result, state, host, left, nonces } = await this.run<RemoveReply>("remove", {
			...{ id, agreed, evenDamaged: true },
		});
		if (result === "none") return { result };
		if (result === "not_ended") return { result, state };
		return { result, host, left: soundRemoved(left), nonces: Array.isArray(nonces) ? nonces : [] };
	}

	/** Whether `create` was called with it, and its task was not removed since. */
	hasKey(key: string): Promise<boolean> {
		return this.guard(async (client) => (await client.hexists(`${this.keys.prefix}:keys`, key)) > 0);
	}

	report(id: string): Promise<string | null> {
		return this.guard((client) => client.get(this.keys.report(id)));
	}
}
