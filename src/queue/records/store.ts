/**
 * The store of one namespace: task records, questions, logs and events in Redis. Every write goes
 * through a script of `scripts.ts`; what is read here may be old a moment later, so a move always
 * names what it expects.
 */
import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { type Clock, systemClock } from "../../task/clock.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Question } from "../../task/question.ts";
import type { TaskRecord } from "../../task/record.ts";
import type { Hold, Outcome, Progress, TaskSpec } from "../../task/spec.ts";
import type { State } from "../../task/states.ts";
import { closeRedis, type RedisTarget, translateFault } from "../redis/connect.ts";
import { type Keys, keysOf } from "./keys.ts";
import { decodeRecord, encodeFields, type RecordChanges } from "./record-fields.ts";
import * as scripts from "./scripts.ts";

export interface StoreOptions {
	client: Redis;
	target: RedisTarget;
	namespace: string;
	clock?: Clock;
}

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
	set?: RecordChanges;
	/** for the event: why */
	why?: string;
}

export type MoveResult =
	| { result: "moved"; state: State; revision: number; epoch: number; attempt: number }
	| { result: "stale"; state: State; revision: number; epoch: number }
	| { result: "none" };

export type AnswerResult =
	| { result: "answered"; seq: string; question: string; state: State }
	| { result: "already"; seq: string; by: string; answer: string; at: number }
	| { result: "ended"; state: State }
	| { result: "no_question" }
	| { result: "none" };

export type CreateResult = { result: "created" | "repeated" | "exists" | "key_conflict"; id: string };
export type CancelResult =
	| { result: "cancelled" | "cancelling" | "ended"; state: State }
	| { result: "none" };

/** An open question as `questions` lists it. */
export interface OpenQuestion {
	task: string;
	seq: string;
	text: string;
	/** ms since the Unix epoch */
	askedAt: number;
}

const STATES_AT_ONCE = 2_000;

/** The little of a record that grows with every change. */
export interface TaskBrief {
	epoch: number;
	revision: number;
}

export interface NewQuestion {
	seq: string;
	text: string;
	hash: string;
}

const EMPTY_PROGRESS: Progress = {
	plan: { title: null, items: [] },
	activity: null,
	usage: null,
	lastSignAt: null,
};

export function newNonce(): string {
	return randomBytes(8).toString("hex");
}

const SCRIPTS = {
	dispatchCreate: scripts.CREATE,
	dispatchMove: scripts.MOVE,
	dispatchAsk: scripts.ASK,
	dispatchAnswer: scripts.ANSWER,
	dispatchDelivered: scripts.DELIVERED,
	dispatchFollow: scripts.FOLLOW,
	dispatchNewIpc: scripts.NEW_IPC,
	dispatchCancel: scripts.CANCEL,
	dispatchHold: scripts.HOLD,
	dispatchRemove: scripts.REMOVE,
} as const;

type ScriptName = keyof typeof SCRIPTS;
type ScriptCall = (prefix: string, request: string) => Promise<string>;

export class Store {
	readonly client: Redis;
	readonly target: RedisTarget;
	readonly namespace: string;
	readonly keys: Keys;
	readonly clock: Clock;

	constructor(options: StoreOptions) {
		this.client = options.client;
		this.target = options.target;
		this.namespace = options.namespace;
		this.clock = options.clock ?? systemClock;
		this.keys = keysOf(options.namespace);
		for (const [name, lua] of Object.entries(SCRIPTS))
			this.client.defineCommand(name, { numberOfKeys: 1, lua });
	}

	async close(): Promise<void> {
		await closeRedis(this.client);
	}

	/** Runs a Redis call; its faults come out as DispatchErrors. */
	async guard<T>(call: (client: Redis) => Promise<T>): Promise<T> {
		try {
			return await call(this.client);
		} catch (error) {
			throw translateFault(error, this.target);
		}
	}

	private async run<T>(name: ScriptName, id: string, request: Record<string, unknown>): Promise<T> {
		const call = (this.client as unknown as Record<ScriptName, ScriptCall>)[name];
		const body = JSON.stringify({ ...request, id, now: this.clock.now() });
		return this.guard(async () => JSON.parse(await call.call(this.client, this.keys.prefix, body)) as T);
	}

	/** Acknowledges a task. The same spec (by its nonce) again is the same task. */
	create(spec: TaskSpec, key?: { key: string; hash: string }): Promise<CreateResult> {
		return this.run("dispatchCreate", spec.id, {
			spec: JSON.stringify(spec),
			nonce: spec.nonce,
			host: spec.host,
			progress: JSON.stringify(EMPTY_PROGRESS),
			hold: spec.notBefore ? JSON.stringify({ kind: "delayed", until: spec.notBefore } satisfies Hold) : "",
			key: key?.key,
			keyHash: key?.hash,
		});
	}

	/** The one way to change a state; see MOVES. A stale request changes nothing. */
	move(request: MoveRequest): Promise<MoveResult> {
		const { id, set, ...rest } = request;
		return this.run("dispatchMove", id, { ...rest, set: encodeFields(set ?? {}) });
	}

	/** @returns which numbers were new, and which of them had been answered under another text. */
	ask(
		id: string,
		epoch: number,
		questions: NewQuestion[],
	): Promise<{ result: string; asked: string[]; again: string[] }> {
		return this.run<{ result: string; asked: unknown; again: unknown }>("dispatchAsk", id, {
			epoch,
			questions,
		}).then((reply) => ({
			result: reply.result,
			asked: listOf(reply.asked),
			again: listOf(reply.again),
		}));
	}

	/**
	 * Answers a question, the oldest open one unless `seq` names another.
	 * @param answer.token names this call: a repeat of it is the same answer.
	 */
	answer(
		id: string,
		answer: { text: string; by: string; seq?: string; token?: string },
	): Promise<AnswerResult> {
		return this.run("dispatchAnswer", id, answer);
	}

	async delivered(id: string, fields: string[]): Promise<void> {
		if (fields.length > 0) await this.run("dispatchDelivered", id, { fields });
	}

	/** Records what an agent did; false when its epoch is over. */
	async follow(id: string, epoch: number, set: RecordChanges, report?: string): Promise<boolean> {
		const reply = await this.run<{ result: string }>("dispatchFollow", id, {
			epoch,
			set: encodeFields(set),
			report,
		});
		return reply.result === "ok";
	}

	async newIpc(id: string, epoch: number): Promise<boolean> {
		return (await this.run<{ result: string }>("dispatchNewIpc", id, { epoch })).result === "ok";
	}

	/** Says why a queued task waits; nothing happens when it moved on. */
	async hold(id: string, generation: number, hold: Hold): Promise<void> {
		await this.run("dispatchHold", id, { generation, hold: JSON.stringify(hold) });
	}

	cancel(id: string, by: string): Promise<CancelResult> {
		return this.run("dispatchCancel", id, { by, outcome: JSON.stringify(cancelledOutcome(by)) });
	}

	remove(id: string): Promise<{ result: "removed" | "none" | "not_ended"; state?: State }> {
		return this.run("dispatchRemove", id, {});
	}

	/** The record, or null when there is no such task. */
	async get(id: string): Promise<TaskRecord | null> {
		return decodeRecord(await this.guard((client) => client.hgetall(this.keys.task(id))));
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
		return (await this.guard((client) => client.hget(this.keys.task(id), "state"))) as State | null;
	}

	/** Records of the newest tasks, newest first. */
	async list(limit: number): Promise<TaskRecord[]> {
		const ids = await this.guard((client) =>
			client.zrevrange(this.keys.tasks, "0", String(limit < 0 ? -1 : limit - 1)),
		);
		return this.getMany(ids);
	}

	async getMany(ids: string[]): Promise<TaskRecord[]> {
		const found: TaskRecord[] = [];
		for (let at = 0; at < ids.length; at += 500) {
			const pipeline = this.client.pipeline();
			for (const id of ids.slice(at, at + 500)) pipeline.hgetall(this.keys.task(id));
			const replies = (await this.guard(() => pipeline.exec())) ?? [];
			for (const [error, fields] of replies) {
				if (error) throw translateFault(error, this.target);
				const record = decodeRecord(fields as Record<string, string>);
				if (record !== null) found.push(record);
			}
		}
		return found;
	}

	/** The state of every task, newest first: cheap beside reading their records. */
	async states(): Promise<Map<string, State>> {
		const ids = await this.ids();
		const states = new Map<string, State>();
		for (let at = 0; at < ids.length; at += STATES_AT_ONCE) {
			const some = ids.slice(at, at + STATES_AT_ONCE);
			const pipeline = this.client.pipeline();
			for (const id of some) pipeline.hget(this.keys.task(id), "state");
			const replies = (await this.guard(() => pipeline.exec())) ?? [];
			for (const [n, id] of some.entries()) {
				const state = replies[n]?.[1];
				if (typeof state === "string") states.set(id, state as State);
			}
		}
		return states;
	}

	count(): Promise<number> {
		return this.guard((client) => client.zcard(this.keys.tasks));
	}

	/** Every id, newest first. */
	ids(): Promise<string[]> {
		return this.guard((client) => client.zrevrange(this.keys.tasks, "0", "-1"));
	}

	/** What tells whether something changed in a host's live tasks. */
	async liveBriefs(host: string): Promise<Map<string, TaskBrief>> {
		const ids = await this.liveIds(host);
		const pipeline = this.client.pipeline();
		for (const id of ids) pipeline.hmget(this.keys.task(id), "epoch", "revision");
		const replies = (await this.guard(() => pipeline.exec())) ?? [];
		return new Map(
			ids.map((id, i) => {
				const [epoch, revision] = (replies[i]?.[1] ?? []) as (string | null)[];
				return [id, { epoch: Number(epoch), revision: Number(revision) }];
			}),
		);
	}

	liveIds(host: string): Promise<string[]> {
		return this.guard((client) => client.smembers(this.keys.live(host)));
	}

	/** Tasks of a host that have not ended, oldest first. */
	activeIds(host: string): Promise<string[]> {
		return this.guard((client) => client.zrange(this.keys.active(host), "0", "-1"));
	}

	/** All questions of a task in the order of asking, those of earlier sessions first. */
	async questions(id: string): Promise<Question[]> {
		const all = await this.guard((client) => client.hgetall(this.keys.questions(id)));
		return Object.values(all)
			.map((text) => JSON.parse(text) as Question)
			.sort(
				(a, b) => a.ipcGeneration - b.ipcGeneration || a.askedAt - b.askedAt || Number(a.seq) - Number(b.seq),
			);
	}

	/** Answers that the agent has not acknowledged, by field (`<ipc generation>.<seq>`). */
	async undelivered(id: string): Promise<{ field: string; question: Question }[]> {
		const fields = await this.guard((client) => client.smembers(this.keys.undelivered(id)));
		if (fields.length === 0) return [];
		const texts = await this.guard((client) => client.hmget(this.keys.questions(id), ...fields));
		return fields.flatMap((field, i) => {
			const text = texts[i];
			return text ? [{ field, question: JSON.parse(text) as Question }] : [];
		});
	}

	/** Whether a question of the task is open. */
	openCount(id: string): Promise<number> {
		return this.guard((client) => client.zcard(`${this.keys.prefix}:open:${id}`));
	}

	/** Open questions of all tasks, oldest first. */
	async openQuestions(): Promise<OpenQuestion[]> {
		const members = await this.guard((client) => client.zrange(this.keys.inbox, "0", "-1"));
		const pipeline = this.client.pipeline();
		const names = members.map((member) => member.split(" ") as [string, string]);
		for (const [task, field] of names) pipeline.hget(this.keys.questions(task), field);
		const replies = (await this.guard(() => pipeline.exec())) ?? [];
		return replies.flatMap(([, text], i) => {
			if (typeof text !== "string") return [];
			const question = JSON.parse(text) as Question;
			return [
				{ task: names[i]?.[0] ?? "", seq: question.seq, text: question.text, askedAt: question.askedAt },
			];
		});
	}

	report(id: string): Promise<string | null> {
		return this.guard((client) => client.get(this.keys.report(id)));
	}
}

/** Lua gives an empty table as `{}`. */
function listOf(value: unknown): string[] {
	return Array.isArray(value) ? value : [];
}

function cancelledOutcome(by: string): Outcome {
	return {
		kind: "cancelled",
		message: `Cancelled by ${by}.`,
		exitCode: null,
		signal: null,
		logTail: [],
		warnings: [],
	};
}
