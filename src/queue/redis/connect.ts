/**
 * Connections to Redis. A `command` fails fast with exit code 5; a `service` (daemon, `wait`,
 * `logs -f`, web) is refused at its start just the same, then waits out every outage.
 */
import { dirname } from "node:path";
import { Redis } from "ioredis";
import { hasNoRoom } from "../../process/read-file.ts";
import { checkAddress, isSpecial, shownAddress } from "../../task/address.ts";
import { DispatchError } from "../../task/errors.ts";
import { serverPlace, silentServer } from "./server-place.ts";
import { readSettings, type ServerSettings } from "./settings.ts";

const CONNECT_LIMIT_MS = 5_000;
const RETRY_STEP_MS = 100;
const RETRY_MAX_MS = 1_000;

export type Role = "command" | "service";

/** Where Redis is: a URL (as `checkAddress` takes it) or the local server's socket. */
export interface RedisTarget {
	url?: string | undefined;
	socketPath?: string | undefined;
	/** where the local server keeps its data */
	dataDir?: string | undefined;
}

const retryStrategy = (times: number) => Math.min(RETRY_MAX_MS, times * RETRY_STEP_MS);

/** After a failover the address leads to another server, but an old connection still to the old one. */
const reconnectOnError = (error: Error) => error.message.startsWith("READONLY");

type Options = Record<string, unknown>;

function redisOptions(role: Role): Options {
	const shared: Options = { connectTimeout: CONNECT_LIMIT_MS };
	if (role === "service") return { ...shared, maxRetriesPerRequest: null, retryStrategy, reconnectOnError };
	return {
		...shared,
		lazyConnect: true,
		// `connect` asks for itself whether the server still loads: ioredis would give up on it.
		enableReadyCheck: false,
		// Replies are the same by either; the older one is spoken without being agreed on.
		protocol: 2,
		disableClientInfo: true,
		maxRetriesPerRequest: 1,
		enableOfflineQueue: false,
		retryStrategy: () => null,
	};
}

type Maker = (role: Role) => Redis;

/**
 * How clients of a target are made. What certificates, Sentinel and clusters need is loaded for these alone.
 * @throws DISPATCH_USAGE, DISPATCH_BAD_FILE
 */
async function makerOf({ url = "", socketPath }: RedisTarget): Promise<Maker> {
	if (socketPath !== undefined)
		return (role) => quiet(new Redis({ ...redisOptions(role), path: socketPath }));
	checkAddress(url);
	if (!isSpecial(url)) return (role) => quiet(new Redis(url.replace(/^unix:\/\//, ""), redisOptions(role)));
	const { specialAddress } = await import("./special.ts");
	const found = specialAddress(url);
	if ("fault" in found) throw new DispatchError(found.code, found.fault, { hint: found.hint });
	return (role) => quiet(found.create(redisOptions(role)));
}

/** Every fault reaches the caller through its command; without a listener it would be printed too. */
function quiet(client: Redis): Redis {
	return client.on("error", () => {});
}

export interface ConnectLimits {
	/** how long connecting may take, and a reply */
	answerMs: number;
	/** how long the server may read its data */
	loadingMs: number;
}

/** ioredis gives up by itself a moment earlier, and knows why. */
const LIMITS: ConnectLimits = { answerMs: CONNECT_LIMIT_MS + 1_000, loadingMs: 60_000 };

export interface Connected {
	client: Redis;
	settings: ServerSettings;
	/** one more client to the same server that waits out outages, not known to be connected yet */
	another(): Redis;
}

/**
 * Connects once.
 * @throws DISPATCH_REDIS_UNREACHABLE; DISPATCH_USAGE, DISPATCH_BAD_FILE for an address that none can be made of
 */
export async function connect(
	target: RedisTarget,
	role: Role,
	limits: ConnectLimits = LIMITS,
): Promise<Connected> {
	const make = await makerOf(target);
	const probe = make("command");
	// `connect` itself only says that the connection is closed; the event says why.
	let fault: Error | undefined;
	probe.on("error", (error) => {
		fault = error;
	});
	let settings: ServerSettings;
	try {
		await withLimit(probe.connect(), limits.answerMs);
		settings = await greet(probe, limits);
	} catch (error) {
		probe.disconnect();
		if (error instanceof NoReply && target.dataDir !== undefined)
			throw silentServer(serverPlace(dirname(target.dataDir)), error.limitMs);
		throw unreachable(target, fault ?? error);
	}
	const another = () => make("service");
	if (role === "command") return { client: probe, settings, another };
	await closeRedis(probe);
	const client = another();
	await new Promise<void>((resolve) => client.once("ready", resolve));
	return { client, settings, another };
}

/** One round trip; more while the server reads its data. */
async function greet(client: Redis, { answerMs, loadingMs }: ConnectLimits): Promise<ServerSettings> {
	const until = performance.now() + loadingMs;
	const settings = readSettings(client);
	while (await isLoading(client, answerMs)) {
		if (performance.now() >= until) throw new Error("LOADING Redis is loading the dataset in memory");
		await new Promise((resolve) => setTimeout(resolve, RETRY_STEP_MS));
	}
	return withLimit(settings, answerMs);
}

async function isLoading(client: Redis, limitMs: number): Promise<boolean> {
	try {
		await withLimit(client.ping(), limitMs);
		return false;
	} catch (error) {
		if (String(error).includes("LOADING")) return true;
		throw error;
	}
}

class NoReply extends Error {
	readonly limitMs: number;

	constructor(limitMs: number) {
		super(`no reply within ${limitMs / 1_000} s`);
		this.limitMs = limitMs;
	}
}

async function withLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const limit = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new NoReply(limitMs)), limitMs);
	});
	try {
		return await Promise.race([work, limit]);
	} finally {
		clearTimeout(timer);
		work.catch(() => {});
	}
}

/** Ends a client at once, tolerant of one that has ended. */
export async function closeRedis(client: Redis): Promise<void> {
	// disconnect() on an ended client would hold the process for two seconds more.
	if (client.status === "end") return;
	client.disconnect();
}

function unreachable(target: RedisTarget, cause: unknown): DispatchError {
	const why = saidByServer(cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
	const isCut = (target.url ?? "").startsWith("rediss:") && /ECONNRESET|EPIPE|is closed/.test(why);
	const [, secure = isCut ? TLS_CUT_HINT : undefined] = TLS_HINTS.find(([said]) => said.test(why)) ?? [];
	const [, hint = secure] = HINTS.find(([said]) => said.test(why)) ?? [];
	if (target.dataDir !== undefined && hasNoRoom(target.dataDir))
		return diskOfServerFull(target.dataDir, cause);
	// A server that refuses is there: it is no address that has to be looked at.
	const how =
		secure !== undefined ? "cannot be reached by TLS" : hint === undefined ? "cannot be reached" : "refuses";
	return new DispatchError(
		"DISPATCH_REDIS_UNREACHABLE",
		`Redis at ${shownAddress(target)} ${how}: ${why || "connection refused"}.`,
		{
			hint:
				hint ??
				"Check that it runs and that --redis, DISPATCH_REDIS_URL or REDIS_URL names it; without any of them dispatch starts its own.",
			cause,
		},
	);
}

/** A server that must keep what it acknowledges leaves when it cannot write, and its log says nothing then. */
export function diskOfServerFull(dataDir: string, cause: unknown): DispatchError {
	return new DispatchError(
		"DISPATCH_REDIS_UNREACHABLE",
		`The disk of the local Redis is full: there is no room in ${dataDir}.`,
		{
			hint: "Free some space: it is started again by itself, and all that was acknowledged is there.",
			cause,
		},
	);
}

const HINTS: readonly (readonly [RegExp, string])[] = [
	[/^NOPERM/, "Give this user of Redis all commands, keys and channels of dispatch (ACL SETUSER)."],
	[
		/NOAUTH|WRONGPASS|invalid password/i,
		"Put the user and password into the address: redis://user:password@host:port.",
	],
	[/^LOADING/, "It reads its data: try again in a while."],
	[/^(?:BUSY|UNKILLABLE)/, "Somebody's script blocks it: try again when that has ended (SCRIPT KILL)."],
	[
		/^MISCONF/,
		"It cannot write to its disk: look at its log and its free space. Nothing is written until then.",
	],
	[/^NOREPLICAS/, "Too few of its replicas are there (min-replicas-to-write): try again when they are."],
	[
		/^(?:READONLY|MASTERDOWN)/,
		"It is a replica: name the server that takes writes, or wait for the failover.",
	],
	[/^(?:CLUSTERDOWN|TRYAGAIN)/, "Its cluster is not ready: try again when it is."],
	[/max number of clients/, "It has too many connections (maxclients): close some, or allow more."],
];

/** As OpenSSL words them; an `alert` is what the server says of us. */
const TLS_HINTS: readonly (readonly [RegExp, string])[] = [
	[
		/self-signed certificate|unable to (?:verify|get)/i,
		"No authority that is known here signed its certificate: name the right one by ?cafile=/path/to/ca.pem.",
	],
	[
		/certificate (?:has expired|is not yet valid)/,
		"Renew the server's certificate, or set this machine's clock.",
	],
	[/altnames/, "Its certificate is for another name: use the name that is in it."],
	[
		/ alert /,
		"The server does not take this client's certificate: name one that its authority signed by ?certfile=/path/to/client.crt&keyfile=/path/to/client.key.",
	],
	[/wrong version number|packet length/, "It does not speak TLS there: use its TLS port, or redis://."],
];

/** What the server says of a certificate can be lost with the connection that it closes. */
const TLS_CUT_HINT =
	"It closed the connection. If it asks for a client's certificate, name one that its authority signed by ?certfile=/path/to/client.crt&keyfile=/path/to/client.key.";

/** The server is there, and takes neither this password nor this user (any more). */
export function isLoginRefused(error: unknown): boolean {
	const cause = error instanceof DispatchError ? error.cause : error;
	return (
		cause instanceof Error && /NOAUTH|WRONGPASS|NOPERM|invalid password/i.test(saidByServer(cause.message))
	);
}

/** Redis before version 7 wraps what a command in a script was refused with. */
function saidByServer(message: string): string {
	return /^ERR Error running script .*?: -?([A-Z]+ .*)$/s.exec(message)?.[1] ?? message;
}

const CONNECTION_FAULT =
	/ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT|Connection is closed|isn't writeable|max retries per request|LOADING|READONLY|NOAUTH|CLUSTERDOWN|MASTERDOWN|Command timed out|Command aborted/i;

/** The server is there and refuses everybody, or this user: a script that blocks it, its limits, its rights. */
const SERVER_FAULT =
	/^(?:MISCONF|NOREPLICAS|BUSY|UNKILLABLE|NOPERM|WRONGPASS|TRYAGAIN|ERR max number of clients)\b/;

/** The key holds another type of value than dispatch keeps there. */
export function isWrongType(error: unknown): boolean {
	return error instanceof Error && /WRONGTYPE|is not a valid float|is not an integer/.test(error.message);
}

/** What a Redis or connection fault means to the user; anything else is passed on as it is. */
export function translateFault(error: unknown, target: RedisTarget): unknown {
	if (error instanceof DispatchError || !(error instanceof Error)) return error;
	const said = saidByServer(error.message);
	if (/^OOM /.test(said)) {
		return new DispatchError("DISPATCH_REDIS_FULL", `Redis at ${shownAddress(target)} is full: ${said}`, {
			hint: "Give it more memory (maxmemory), or remove old tasks with `dispatch rm`. Nothing was written.",
			cause: error,
		});
	}
	if (isWrongType(error)) {
		return new DispatchError(
			"DISPATCH_DAMAGED",
			`Redis at ${shownAddress(target)} holds something else under a key of dispatch.`,
			{
				hint: "Another program uses the namespace, or somebody wrote into it: take another one.",
				cause: error,
			},
		);
	}
	if (SERVER_FAULT.test(said) || CONNECTION_FAULT.test(said)) return unreachable(target, error);
	return error;
}
