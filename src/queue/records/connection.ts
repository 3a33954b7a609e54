/** A namespace on one connection: its keys, and the one way to run a script or a command. */
import { randomBytes } from "node:crypto";
import type { ChainableCommander, Redis } from "ioredis";
import { type Agreed, changedSince } from "../../task/agreed.ts";
import { type Clock, systemClock } from "../../task/clock.ts";
import { damagedError } from "../../task/damaged.ts";
import { valueWithoutSecrets } from "../../task/secrets.ts";
import { toJson } from "../../task/well-formed.ts";
import { closeRedis, isWrongType, type RedisTarget, translateFault } from "../redis/connect.ts";
import { type Keys, keysOf } from "./keys.ts";
import { SCRIPTS, type Script, type ScriptName } from "./scripts/index.ts";

export interface ConnectionOptions {
	client: Redis;
	target: RedisTarget;
	namespace: string;
	/** for tests: otherwise the time of scripts is that of Redis */
	clock?: Clock;
	/** one more connection to the same server, for what blocks or subscribes */
	another?: () => Redis;
}

interface Mended {
	count: number;
	mended: string[];
	/** where the next page of records begins */
	to: string;
}

interface MendOptions {
	hosts?: string[] | undefined;
	relist?: boolean | undefined;
	task?: string | undefined;
	batch?: string | undefined;
}

type ScriptCall = (prefix: string, request: string) => Promise<string>;

/** ioredis sends the digest of a defined command, and its text again after a SCRIPT FLUSH. */
const commandOf = (name: string) => `dispatch:${name}`;

export class Connection {
	#client: Redis;
	readonly target: RedisTarget;
	readonly namespace: string;
	readonly keys: Keys;
	/** this machine's, for what is compared with times of this machine; see `now` */
	readonly clock: Clock;
	/** one more connection to the same server, for what blocks or subscribes; not known to be connected yet */
	readonly another: () => Redis;

	constructor(options: ConnectionOptions) {
		this.#client = options.client;
		this.target = options.target;
		this.namespace = options.namespace;
		this.clock = options.clock ?? systemClock;
		this.keys = keysOf(options.namespace);
		this.another = options.another ?? (() => this.client.duplicate());
	}

	get client(): Redis {
		return this.#client;
	}

	/** Whether it was cut and does not connect by itself again, as that of a command. */
	get isCut(): boolean {
		return this.#client.status === "end";
	}

	/** Goes on with another client, in the place of one that was cut. */
	goOnWith(client: Redis): void {
		this.#client = client;
	}

	async close(): Promise<void> {
		await closeRedis(this.client);
	}

	/**
	 * Runs a Redis call; its faults come out as DispatchErrors. One that met a wrong type wrote nothing: what all
	 * tasks share is put right, and it is made once more.
	 * @param task whose cost or log it is about
	 */
	async guard<T>(call: (client: Redis) => Promise<T>, task?: string): Promise<T> {
		try {
			return await call(this.client).catch(async (error: unknown) => {
				if (!isWrongType(error)) throw error;
				await this.mend({ task });
				return call(this.client);
			});
		} catch (error) {
			throw translateFault(error, this.target);
		}
	}

	/**
	 * The replies of commands that were sent together; undefined where a key holds something else.
	 * @throws any other fault of one of them: what was not answered is not empty
	 */
	async replies(pipeline: ChainableCommander): Promise<unknown[]> {
		const replies = (await this.guard(() => pipeline.exec())) ?? [];
		return replies.map(([error, reply]) => {
			if (error === null) return reply;
			if (isWrongType(error)) return undefined;
			throw translateFault(error, this.target);
		});
	}

	/**
	 * Puts aside what stands in the place of keys that all tasks share, and makes the lists anew from the records.
	 * @param hosts whose keys are looked at; without them those of all hosts
	 * @param relist also where nothing stood in the way: a list may have lost something
	 * @param task whose cost and log are looked at, too
	 * @param batch whose list of tasks is looked at, too
	 * @returns the names of what was put aside
	 */
	async mend({ hosts, relist = false, task, batch }: MendOptions = {}): Promise<string[]> {
		const day = new Date(this.clock.now()).toISOString().slice(0, 10);
		const all = new Set<string>();
		let from = "0";
		do {
			const request = { hosts, relist: relist ? from : undefined, day, task, batch };
			const { count, mended, to } = await this.run<Mended>("mend", request);
			if (count > 0) for (const name of mended) all.add(name);
			from = to;
		} while (from !== "0");
		return [...all];
	}

	/**
	 * Runs a script with a request, which may hold any strings.
	 * @param request.call names the call, where it may be made again on another connection: it is the same call
	 * @param request.agreed of a script about one task: as it was shown; another one, or another start, is left alone
	 * @returns its reply, as the script makes it. @throws DISPATCH_DAMAGED, DISPATCH_STALE
	 */
	async run<T>(script: ScriptName | Script, request: Record<string, unknown>): Promise<T> {
		const { name, lua, once, grows, said } = typeof script === "string" ? ownScript(script, request) : script;
		const call = this.#scriptCall(name, lua);
		const time = this.clock === systemClock ? {} : { now: this.clock.now() };
		const named = once ? { call: request.call ?? randomBytes(12).toString("hex") } : {};
		const body = toJson({ ...(said ? asSaid(request) : shownRequest(request)), ...time, ...named, grows });
		const reply = JSON.parse(await this.#called(() => call.call(this.client, this.keys.prefix, body)));
		if (reply.result === "changed")
			throw changedSince(String(request.id), request.agreed as Agreed, reply.state);
		if (reply.result === "damaged") throw damagedError({ id: String(request.id), damage: reply.damage });
		return reply as T;
	}

	/** Defined when it is used: a digest of every script would be half the work of a connection. */
	#scriptCall(name: string, lua: string): ScriptCall {
		const calls = this.client as unknown as Record<string, ScriptCall | undefined>;
		const command = commandOf(name);
		if (calls[command] === undefined) this.client.defineCommand(command, { numberOfKeys: 1, lua });
		return calls[command] as ScriptCall;
	}

	/** A script puts right by itself what it needs. */
	async #called(call: () => Promise<string>): Promise<string> {
		try {
			return await call();
		} catch (error) {
			throw translateFault(error, this.target);
		}
	}

	/** The time by which the scripts go: ms since the Unix epoch, the same for all hosts. */
	async now(): Promise<number> {
		if (this.clock !== systemClock) return this.clock.now();
		const [seconds, microseconds] = await this.guard((client) => client.time());
		return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
	}
}

/** A second time they would do something else than the first, or say so. */
const ONCE: readonly ScriptName[] = [
	"move",
	"cancel",
	"cancelLost",
	"moveHost",
	"remove",
	"answer",
	"note",
	"noteEvent",
];

/** They put new work or texts into Redis: one that is full refuses them. */
const GROWING: readonly ScriptName[] = ["create", "ask", "note", "claimHost"];

/** What a person asked for, answered or noted goes to the agent as it was said, whatever is in it. */
const SAID_BY_A_PERSON: readonly ScriptName[] = ["create", "answer", "note"];

function ownScript(name: ScriptName, request: Record<string, unknown>): Script {
	return {
		...{ name, lua: SCRIPTS[name], once: ONCE.includes(name), said: SAID_BY_A_PERSON.includes(name) },
		grows: GROWING.includes(name) || (name === "move" && request.to === "running"),
	};
}

/** Fields that hold JSON themselves: what is in them is looked at, not their text. */
const JSON_FIELDS: readonly string[] = ["hold", "outcome", "progress", "trouble"];

/** What agents and programs print may hold keys: Redis is read by others, so it gets their names. */
function shownRequest(request: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(request).map(([field, value]) => [
			field,
			field === "set" ? shownFields(value as Record<string, unknown>) : shownField(field, value),
		]),
	);
}

/** What a person said goes on as it was said; `told`: as others are told of it. */
function asSaid(request: Record<string, unknown>): Record<string, unknown> {
	const { text } = request;
	return typeof text === "string" ? { ...request, told: valueWithoutSecrets(text) } : request;
}

function shownFields(set: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(Object.entries(set).map(([field, value]) => [field, shownField(field, value)]));
}

function shownField(field: string, value: unknown): unknown {
	if (field === "spec" || field === "chosen") return value;
	if (typeof value !== "string" || value === "" || !JSON_FIELDS.includes(field))
		return valueWithoutSecrets(value);
	return toJson(valueWithoutSecrets(JSON.parse(value)));
}
