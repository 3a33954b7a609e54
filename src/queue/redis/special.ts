/**
 * Clients for addresses that need more than a URL: certificates, Sentinel, a cluster. Quick commands load it for these
 * alone, as a bundle of its own, so no class of it is known to them: what is wrong is told as data.
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { readAddress, type ServerAddress } from "../../task/address.ts";
import { type BadFile, faultOfFiles, type TlsFiles, tlsOptions } from "./certificates.ts";

/** As long as connecting to one server may take. */
const SLOTS_LIMIT_MS = 5_000;
const RETRY_STEP_MS = 100;
const RETRY_MAX_MS = 1_000;

type Options = Record<string, unknown>;

/** Why there is no client of an address, or what makes one. */
export type SpecialAddress =
	| ({ code: "DISPATCH_USAGE" | "DISPATCH_BAD_FILE" } & BadFile)
	| { create(options: Options): Redis };

/** @param url a sound one, of which `isSpecial` says so */
export function specialAddress(url: string): SpecialAddress {
	const address = readAddress(url);
	const files = filesOf(address.parameter);
	const wrong = misuse(address.isTls, files);
	if (wrong !== null) return { code: "DISPATCH_USAGE", ...wrong };
	const bad = faultOfFiles(files);
	if (bad !== null) return { code: "DISPATCH_BAD_FILE", ...bad };
	const tls = Object.values(files).every((path) => path === null) ? {} : { tls: tlsOptions(files) };
	if (address.kind === "") return { create: (options) => clientOf(url, { ...options, ...tls }) };
	const shared: Options = {
		...(address.isTls ? { tls: {} } : {}),
		...tls,
		...(address.user === "" ? {} : { username: address.user }),
		...(address.password === "" ? {} : { password: address.password }),
	};
	const servers = address.servers.map(dialled);
	if (address.kind === "+cluster")
		return { create: (options) => clusterOf(servers, { ...options, ...shared }) };
	return {
		create: (options) =>
			clientOf(null, {
				...options,
				...shared,
				...sentinelOptions(servers, address, options.lazyConnect === true),
			}),
	};
}

function clientOf(url: string | null, options: Options): Redis {
	return url === null ? new Redis(options) : new Redis(url, options);
}

/** Of an address, by the names of its parameters. */
function filesOf(parameter: (name: string) => string | null): TlsFiles {
	return { cafile: parameter("cafile"), certfile: parameter("certfile"), keyfile: parameter("keyfile") };
}

/** The worker is started in another directory than the command. */
function misuse(isTls: boolean, files: TlsFiles): BadFile | null {
	const [name, path] = Object.entries(files).find(([, value]) => value !== null) ?? [];
	if (name !== undefined && !isTls)
		return { fault: `The Redis address has a ${name}, but goes without TLS.`, hint: "Begin it with rediss." };
	const [relative] =
		Object.entries(files).find(([, value]) => value !== null && !value.startsWith("/")) ?? [];
	if (relative === undefined) return null;
	return {
		fault: `The ${relative} of the Redis address must be an absolute path${relative === name ? `, got "${path}"` : ""}.`,
		hint: `Write it as ?${relative}=/path/to/file.pem.`,
	};
}

/** An address in brackets is dialled without them. */
function dialled({ host, port }: ServerAddress): ServerAddress {
	return { host: host.replace(/^\[|\]$/g, ""), port };
}

/** A command asks each sentinel once; what waits out outages asks again, and is told of a failover by them. */
function sentinelOptions(
	sentinels: ServerAddress[],
	address: ReturnType<typeof readAddress>,
	isCommand: boolean,
): RedisOptions {
	const { group, database, isTls, parameter } = address;
	const [user, password] = [parameter("sentinelUsername"), parameter("sentinelPassword")];
	return {
		sentinels,
		name: group,
		db: Number(database ?? parameter("db") ?? 0),
		enableTLSForSentinelMode: isTls,
		failoverDetector: !isCommand,
		...(user === null ? {} : { sentinelUsername: user }),
		...(password === null ? {} : { sentinelPassword: password }),
		...(isCommand ? { sentinelRetryStrategy: () => null } : {}),
	};
}

/** Typed as a client of one server: all that dispatch and BullMQ call is there in both. */
function clusterOf(nodes: ServerAddress[], options: Options): Redis {
	const isCommand = options.lazyConnect === true;
	const { lazyConnect, enableOfflineQueue, retryStrategy, reconnectOnError, ...redisOptions } = options;
	const again = (times: number) => Math.min(RETRY_MAX_MS, times * RETRY_STEP_MS);
	return new Cluster(nodes, {
		redisOptions,
		lazyConnect: isCommand,
		slotsRefreshTimeout: SLOTS_LIMIT_MS,
		// By name: certificates are for names, and an address may lead elsewhere after a failover.
		dnsLookup: (address, callback) => callback(null, address),
		clusterRetryStrategy: isCommand ? () => null : again,
	}) as unknown as Redis;
}
