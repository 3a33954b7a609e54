import { fetchRedis } from "../../process/fetch-redis.ts";
import type { RedisTarget } from "../../queue/redis/connect.ts";
import { findRedisServer, installHint } from "../../queue/redis/find-redis-server.ts";
import { inspectRedis, type SeenCertificate } from "../../queue/redis/inspect.ts";
import { localServerState } from "../../queue/redis/local-server.ts";
import { serverPlace } from "../../queue/redis/server-place.ts";
import { shownAddress } from "../../task/address.ts";
import { DispatchError } from "../../task/errors.ts";
import type { Environment } from "../context.ts";
import { broken, type Finding, fixed, ok, warn } from "./finding.ts";

/** Scripts and streams as dispatch and BullMQ use them. */
const OLDEST_VERSION = [6, 2] as const;
const SLOW_PING_MS = 50;
const CLOCK_LIMIT_MS = 5_000;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 14;

/** Where Redis runs now; null when that is dispatch's own server and it is not running. Starts nothing. */
export function redisTarget(url: string | null, home: string): RedisTarget | null {
	if (url !== null) return { url };
	if (localServerState({ path: home }) === "stopped") return null;
	const { socketPath, dir: dataDir } = serverPlace(home);
	return { socketPath, dataDir };
}

export async function checkRedis(
	target: RedisTarget | null,
	env: Environment,
	local: { home: string; fix: boolean },
): Promise<Finding[]> {
	if (target === null) return [await localServer(env, local)];
	const shown = shownAddress(target);
	try {
		const facts = await inspectRedis(target);
		return [
			versionFinding(facts.version, shown),
			...refusalFinding(facts.refusal),
			policyFinding(facts.maxmemoryPolicy),
			persistenceFinding(facts.appendonly),
			latencyFinding(facts.pingMs),
			clockFinding(facts.clockAheadMs),
			...facts.certificates.map(certificateFinding),
		];
	} catch (error) {
		if (!(error instanceof DispatchError)) throw error;
		return [broken("redis", error.message, error.hint ?? "Check the server and its address.")];
	}
}

async function localServer(
	env: Environment,
	{ home, fix }: { home: string; fix: boolean },
): Promise<Finding> {
	const isMissing = () => findRedisServer(env, home) === null;
	if (isMissing()) {
		const text = "No Redis address is given, and no redis-server is installed.";
		const why = fix ? await fetchRedis(home) : null;
		if (isMissing())
			return broken("redis", why === null ? text : `${text} It could not be fetched: ${why}`, installHint());
		return fixed("redis", `A redis-server was fetched and unpacked under ${home}; nothing was installed.`);
	}
	return ok("redis", "dispatch's own local Redis is not running; the first command that needs it starts it.");
}

function versionFinding(version: string | null, shown: string): Finding {
	if (version === null) return ok("redis", `Redis at ${shown} answers; it does not tell its version.`);
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const [oldestMajor, oldestMinor] = OLDEST_VERSION;
	if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor))
		return ok("redis", `Redis ${version} at ${shown} answers.`);
	return broken(
		"redis",
		`Redis at ${shown} is ${version}; dispatch needs ${OLDEST_VERSION.join(".")} or newer.`,
		"Update the server, or use another one.",
	);
}

function refusalFinding(refusal: DispatchError | null): Finding[] {
	if (refusal === null) return [];
	const text = `${refusal.message} No task is started until it writes again.`;
	return [broken("redis", text, refusal.hint ?? "Look at its log.")];
}

function policyFinding(policy: string | null): Finding {
	if (policy === null) return ok("redis", "The server does not show its settings (CONFIG is not allowed).");
	if (policy === "noeviction") return ok("redis", "Redis evicts nothing (maxmemory-policy noeviction).");
	return broken(
		"redis",
		`Redis may evict keys: maxmemory-policy is ${policy}.`,
		"Run `redis-cli CONFIG SET maxmemory-policy noeviction` and put it into redis.conf.",
	);
}

function persistenceFinding(appendonly: string | null): Finding {
	if (appendonly !== "no") return ok("redis", "Redis keeps an append-only file, or does not tell.");
	return warn(
		"redis",
		"Redis has no append-only file: a crash of it loses what it acknowledged since its last snapshot.",
		"Run `redis-cli CONFIG SET appendonly yes` and put it into redis.conf.",
	);
}

function latencyFinding(pingMs: number): Finding {
	const text = `Redis answers a PING within ${pingMs.toFixed(1)} ms (median).`;
	return pingMs < SLOW_PING_MS
		? ok("redis", text)
		: warn("redis", text, "Use a server that is nearer, or look at its load.");
}

function clockFinding(aheadMs: number): Finding {
	const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1);
	if (Math.abs(aheadMs) < CLOCK_LIMIT_MS) return ok("machine", "The clocks of this host and of Redis agree.");
	return warn(
		"machine",
		`This host's clock is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} that of Redis.`,
		"Set the clock by NTP: delays, deadlines and holds go by it.",
	);
}

function certificateFinding({ of, until }: SeenCertificate): Finding {
	const days = Math.floor((until - Date.now()) / DAY_MS);
	const text = `TLS to Redis: the certificate of ${of} is valid until ${new Date(until).toISOString().slice(0, 10)}.`;
	return days >= RENEW_DAYS
		? ok("redis", text)
		: warn("redis", text, "Renew it in time: without it nothing connects. A renewed file is read by itself.");
}
