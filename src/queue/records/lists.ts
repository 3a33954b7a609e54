/** Reading records: one, several, the newest, the states of all. What is read may be old a moment later. */
import { Damage } from "../../task/check.ts";
import { type DamagedTask, damagedError, NO_RECORD } from "../../task/damaged.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { HOST_FORM } from "../../task/spec.ts";
import { isLive, isState, SKIPPED, type State } from "../../task/states.ts";
import { Connection } from "./connection.ts";
import { decodeValues, STORED } from "./record-fields.ts";

const RECORDS_AT_ONCE = 500;
const STATES_AT_ONCE = 2_000;

/** The little of a record that grows with every change. */
export interface TaskBrief {
	epoch: number;
	revision: number;
	state: State;
}

/** What of a record needs no decoding: enough to end its agent and the task. */
export interface LiveBrief {
	state: State;
	host: string;
	epoch: number;
	runNonce: string | null;
	/** names one creation of the task */
	taskNonce: string | null;
	stopRequested: boolean;
}

/** A record whose host is no host's id any more is looked after by whoever has the task in its list. */
function isServedBy(own: string, host: string | null): boolean {
	return host === own || !HOST_FORM.test(host ?? "");
}

export class Lists extends Connection {
	/** The record, or null when there is no such task. @throws DISPATCH_DAMAGED */
	async get(id: string): Promise<TaskRecord | null> {
		const { records, damaged } = await this.read([id]);
		if (damaged[0] !== undefined) throw damagedError(damaged[0]);
		return records[0] ?? null;
	}

	/** @throws DISPATCH_NO_SUCH_TASK */
	async need(id: string): Promise<TaskRecord> {
		const record = await this.get(id);
		if (record !== null) return record;
		throw new DispatchError("DISPATCH_NO_SUCH_TASK", `There is no task "${id}".`, {
			hint: "`dispatch ls --all` lists the tasks.",
		});
	}

	/** Only the state: cheap, for loops that wait. */
	async stateOf(id: string): Promise<State | null> {
		const [state] = await this.fields(id, "state");
		return (state ?? null) as State | null;
	}

	/** Some fields of a record, undecoded; none where its key holds something else. */
	async fields(id: string, ...names: readonly string[]): Promise<(string | null)[]> {
		return (await this.fieldsOf([id], ...names))[0] ?? [];
	}

	/** As `fields`, of several records in one round trip; in the order of `ids`. */
	async fieldsOf(ids: readonly string[], ...names: readonly string[]): Promise<(string | null)[][]> {
		const pipeline = this.client.pipeline();
		for (const id of ids) pipeline.hmget(this.keys.task(id), ...names);
		return (await this.replies(pipeline)).map((values) => (values ?? []) as (string | null)[]);
	}

	/** The newest tasks, newest first; those that cannot be read apart. @param limit -1: all */
	async newest(limit: number): Promise<{ records: TaskRecord[]; damaged: DamagedTask[] }> {
		const last = String(limit < 0 ? -1 : limit - 1);
		return this.read(await this.guard((client) => client.zrevrange(this.keys.tasks, "0", last)));
	}

	/** The sound ones of the newest. */
	async list(limit: number): Promise<TaskRecord[]> {
		return (await this.newest(limit)).records;
	}

	/** The sound ones of these; who shows a list shows the others too: see `read`. */
	async getMany(ids: readonly string[]): Promise<TaskRecord[]> {
		return (await this.read(ids)).records;
	}

	/** Each record by itself: a damaged one is said to be so and harms no other. */
	async read(ids: readonly string[]): Promise<{ records: TaskRecord[]; damaged: DamagedTask[] }> {
		const records: TaskRecord[] = [];
		const damaged: DamagedTask[] = [];
		const empty: string[] = [];
		for (let at = 0; at < ids.length; at += RECORDS_AT_ONCE) {
			const some = ids.slice(at, at + RECORDS_AT_ONCE);
			for (const [n, values] of (await this.fieldsOf(some, ...STORED)).entries()) {
				const id = some[n] ?? "";
				try {
					if (values.length === 0) throw new Damage(NO_RECORD);
					const record = decodeValues(id, values);
					if (record === null) empty.push(id);
					else records.push(record);
				} catch (fault) {
					if (!(fault instanceof Damage)) throw fault;
					damaged.push({ id, damage: fault.message });
				}
			}
		}
		// None of our fields: no task, or nothing of one is left.
		const left = empty.length === 0 ? [] : await this.existing(empty);
		for (const id of left) damaged.push({ id, damage: "none of its fields is there" });
		return { records, damaged };
	}

	/** Whether anything is there under this id, sound or not. */
	async exists(id: string): Promise<boolean> {
		return (await this.guard((client) => client.exists(this.keys.task(id)))) > 0;
	}

	/** Those of the ids under which anything is, in one round trip. */
	async existing(ids: readonly string[]): Promise<Set<string>> {
		const pipeline = this.client.pipeline();
		for (const id of ids) pipeline.exists(this.keys.task(id));
		const replies = await this.replies(pipeline);
		return new Set(ids.filter((_, i) => Number(replies[i]) > 0));
	}

	/** The state of every task, newest first, or of these: cheap beside reading their records. null: the record says none. */
	async states(of?: readonly string[]): Promise<Map<string, State | null>> {
		const ids = of ?? (await this.ids());
		const states = new Map<string, State | null>();
		for (let at = 0; at < ids.length; at += STATES_AT_ONCE) {
			const some = ids.slice(at, at + STATES_AT_ONCE);
			const pipeline = this.client.pipeline();
			for (const id of some) pipeline.hget(this.keys.task(id), "state");
			const replies = await this.replies(pipeline);
			for (const [n, id] of some.entries()) {
				const state = replies[n];
				states.set(id, isState(state) ? state : null);
			}
		}
		return states;
	}

	/** Those of these cancelled tasks that were skipped, in the same order: cheap beside reading their records. */
	skippedOf(ids: readonly string[]): Promise<string[]> {
		return this.#thoseOf(ids, ["reason"], ([reason]) => reason === SKIPPED);
	}

	/** Those of these queued tasks that something holds, or whose start fails, in the same order. */
	heldOf(ids: readonly string[]): Promise<string[]> {
		return this.#thoseOf(ids, ["hold", "trouble"], (values) => values.some(Boolean));
	}

	async #thoseOf(
		ids: readonly string[],
		names: readonly string[],
		isOne: (values: (string | null)[]) => boolean,
	): Promise<string[]> {
		const found: string[] = [];
		for (let at = 0; at < ids.length; at += STATES_AT_ONCE) {
			const some = ids.slice(at, at + STATES_AT_ONCE);
			const values = await this.fieldsOf(some, ...names);
			found.push(...some.filter((_, n) => isOne(values[n] ?? [])));
		}
		return found;
	}

	count(): Promise<number> {
		return this.guard((client) => client.zcard(this.keys.tasks));
	}

	/** Every id, newest first. */
	ids(): Promise<string[]> {
		return this.guard((client) => client.zrevrange(this.keys.tasks, "0", "-1"));
	}

	/** What tells whether something changed in a host's live tasks; names of no task, or of another host's, are left out. */
	async liveBriefs(host: string): Promise<Map<string, TaskBrief>> {
		const ids = await this.liveIds(host);
		const pipeline = this.client.pipeline();
		for (const id of ids) pipeline.hmget(this.keys.task(id), "epoch", "revision", "state", "host");
		const replies = await this.replies(pipeline);
		return new Map(
			ids.flatMap((id, i) => {
				const [epoch, revision, state, served] = (replies[i] ?? []) as (string | null)[];
				if (epoch === null && revision === null && state === null) return [];
				if (!isServedBy(host, served ?? null)) return [];
				return [[id, { epoch: Number(epoch), revision: Number(revision), state: state as State }] as const];
			}),
		);
	}

	/** How many agents of a host work or ask. */
	async liveCount(host: string): Promise<number> {
		return [...(await this.liveBriefs(host)).values()].filter(({ state }) => isLive(state)).length;
	}

	/** null when there is no such task */
	async liveBrief(id: string): Promise<LiveBrief | null> {
		const names = ["state", "host", "epoch", "runNonce", "stop", "nonce"];
		const [state, host, epoch, runNonce, stop, taskNonce] = await this.fields(id, ...names);
		if (!state) return null;
		return {
			state: state as State,
			host: host ?? "",
			epoch: Number(epoch),
			runNonce: runNonce || null,
			taskNonce: taskNonce || null,
			stopRequested: stop === "1",
		};
	}

	liveIds(host: string): Promise<string[]> {
		return this.guard((client) => client.smembers(this.keys.live(host)));
	}

	/** Whether a task is a host's to look after. @param named the host that its record names */
	async isServed(own: string, id: string, named: string): Promise<boolean> {
		if (named === own || !isServedBy(own, named)) return named === own;
		return (await this.guard((client) => client.sismember(this.keys.live(own), id))) === 1;
	}

	/** Tasks of a host that have not ended, oldest first. */
	activeIds(host: string): Promise<string[]> {
		return this.guard((client) => client.zrange(this.keys.active(host), "0", "-1"));
	}
}
