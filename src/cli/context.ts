/** What a command works with: the state directory, the config, Redis, and the output. */
import { configPath, type Home, homePath, openHome, ownHome } from "../config/home.ts";
import { type Config, loadConfig } from "../config/load.ts";
import type { Orders } from "../config/orders.ts";
import { rememberConfig } from "../config/secrets.ts";
import { addressOfWorker } from "../config/state-directory.ts";
import type { TaskEnv } from "../config/task-env.ts";
import type { Store } from "../queue/records/store.ts";
import type { RedisTarget, Role } from "../queue/redis/connect.ts";
import { checkAddress, LOCAL_ADDRESS, LOCAL_PLACE, placeOf, shownAddress, urlOf } from "../task/address.ts";
import { rememberAddress, rememberEnvironment } from "../task/secrets.ts";
import type { Output } from "./show/output.ts";

/** Whoever looks wonders then. */
const LATE_MS = 2_000;

export type Environment = Record<string, string | undefined>;

export interface GivenAddress {
	/** null for the local server, named on purpose */
	url: string | null;
	/** for people */
	from: string;
}

/**
 * Which address is meant, and where it was given; null for the local server. Inside a task it is that of the worker
 * which started it, unless another one is named to this very command: a project's REDIS_URL is an application's.
 */
export function givenAddress(
	option: string | undefined,
	env: Environment,
	configured: string | null | undefined,
): GivenAddress | null {
	if (option) return { url: urlOf(option), from: "--redis" };
	if (env.DISPATCH_REDIS_URL) return { url: urlOf(env.DISPATCH_REDIS_URL), from: "DISPATCH_REDIS_URL" };
	const usual = usualAddress(env, configured);
	const own = addressOfWorker(env);
	// Ours is without a password, which the other spelling of the same place may hold.
	if (own === null || placeOf(own.url) === placeOf(usual?.url ?? null)) return usual;
	return { url: own.url, from: "DISPATCH_HOME" };
}

const OF_CONFIG = "redis.url in the config";

function usualAddress(env: Environment, configured: string | null | undefined): GivenAddress | null {
	if (configured) return { url: urlOf(configured), from: OF_CONFIG };
	return env.REDIS_URL ? { url: env.REDIS_URL, from: "REDIS_URL" } : null;
}

export interface ContextOptions {
	env: Environment;
	output: Output;
	/** `--redis` */
	redis: string | undefined;
}

export class Context {
	readonly env: Environment;
	readonly output: Output;
	readonly config: Config;
	readonly #given: GivenAddress | null;
	#home: Home;
	readonly #stores = new Map<Role, Promise<Store>>();
	#url: string | null | undefined;
	#warned = false;
	/** the local server is used as it is: whether it is meant nobody knows */
	#startsNothing = false;
	readonly #opened = new Set<Store>();
	#isClosed = false;

	private constructor({ env, output }: ContextOptions, config: Config, given: GivenAddress | null) {
		this.env = env;
		this.output = output;
		this.config = config;
		this.#given = given;
		rememberEnvironment(env);
		rememberConfig(config, env);
		this.#home = openHome(env, this.#homeOptions);
		output.neededOption = this.neededOption;
	}

	/** Whether `--redis` was given. */
	get namesRedis(): boolean {
		return this.#given?.from === "--redis";
	}

	/** `--redis`, where the same command without it would be for another address; null where not. For people. */
	get neededOption(): string | null {
		const given = this.#given;
		if (given?.from !== "--redis") return null;
		const usual = givenAddress(undefined, this.env, this.config.redisUrl);
		if (placeOf(usual?.url ?? null) === placeOf(given.url)) return null;
		return `--redis ${given.url === null ? LOCAL_ADDRESS : shownAddress({ url: given.url })}`;
	}

	get #homeOptions() {
		return { configured: this.config.namespace, url: this.#given?.url ?? null };
	}

	/** The state directory of the address that is in force. */
	get home(): Home {
		return this.#home;
	}

	/**
	 * To be called before anything is submitted or served: from here on the directory is this address's.
	 * @returns whether `home` is another one now
	 */
	async ownHome(): Promise<boolean> {
		await this.redisUrl();
		const before = this.#home;
		this.#home = ownHome(before, this.env, this.#homeOptions);
		return this.#home.path !== before.path;
	}

	/**
	 * Loads the config and opens the state directory; connects to nothing yet.
	 * @throws DISPATCH_CONFIG_INVALID, DISPATCH_WRONG_NAMESPACE, DISPATCH_DISK
	 */
	static async open(options: ContextOptions): Promise<Context> {
		const config = await loadConfig({ path: configPath(options.env), env: options.env });
		return new Context(options, config, givenAddress(options.redis, options.env, config.redisUrl));
	}

	/**
	 * As `open`, for what looks, answers or stops something: a config that does not load is told, and keeps nobody from that.
	 * @throws DISPATCH_USAGE for an address that is none: another one's worker would be stopped
	 */
	static async openAnyway(options: ContextOptions): Promise<Context> {
		const { env, output, redis } = options;
		const source = { path: configPath(env), env, base: homePath(env) };
		const { configAnyway } = await import("../config/without-config.ts");
		const { config, fault, isPlaceKnown } = await configAnyway(source);
		const given = givenAddress(redis, env, config.redisUrl);
		const url = given?.url ?? null;
		if (given !== null && url !== null) {
			rememberAddress(given.from, url);
			checkAddress(url, given.from);
		}
		const context = new Context(options, config, given);
		const isNamed = given !== null && given.from !== OF_CONFIG;
		context.#startsNothing = !isPlaceKnown && !isNamed;
		const unlessOff = context.#startsNothing ? ", where it runs: nothing is started by such a config" : "";
		const place = url === null ? `${LOCAL_PLACE}${unlessOff}` : shownAddress({ url });
		if (fault !== null) output.note(`${fault} This goes on without it, with ${place}.`);
		return context;
	}

	/** What this user signs, and this host executes. */
	async orders(): Promise<Orders> {
		const { Orders: Opened } = await import("../config/orders.ts");
		return new Opened(this.home.path, this.home.namespace);
	}

	/** Where this user starts and signs tasks. */
	async place(): Promise<{ config: Config; orders: Orders; hostId: string; taskEnv: TaskEnv | null }> {
		const [orders, taskEnv] = await Promise.all([this.orders(), this.taskEnv()]);
		return { config: this.config, orders, hostId: this.home.hostId, taskEnv };
	}

	/** What tasks take along of this command's environment. */
	async taskEnv(): Promise<TaskEnv | null> {
		if (this.config.env.length === 0) return null;
		const { TaskEnv: Opened } = await import("../config/task-env.ts");
		return new Opened(this.home.path, this.config.env, this.env);
	}

	async loadConfig(): Promise<Config> {
		return this.config;
	}

	/**
	 * The address that was given; null for the local server. REDIS_URL may be an application's: it is announced.
	 * @throws DISPATCH_USAGE for what is no address
	 */
	async redisUrl(): Promise<string | null> {
		if (this.#url !== undefined) return this.#url;
		const given = this.#given;
		const url = given?.url ?? null;
		this.#url = url;
		if (given === null || url === null) return url;
		rememberAddress(given.from, url);
		checkAddress(url, given.from);
		if (given.from === "REDIS_URL") {
			this.output.note(
				`Using ${shownAddress({ url })} from REDIS_URL; DISPATCH_REDIS_URL or --redis name another one (or \`${LOCAL_ADDRESS}\`).`,
			);
		}
		return url;
	}

	/** Where Redis is; starts the local server when none is named. */
	async target(): Promise<RedisTarget> {
		const url = await this.redisUrl();
		if (url !== null) return { url };
		const { ensureLocalServer, localTarget } = await import("../queue/redis/local-server.ts");
		if (this.#startsNothing) return localTarget({ path: this.home.base });
		return ensureLocalServer({ path: this.home.base }, (line) => this.output.note(line));
	}

	/** One connection per role, opened at first use and closed by `close`. After a failure the next call opens it anew. */
	store(role: Role = "command"): Promise<Store> {
		const known = this.#stores.get(role);
		if (known !== undefined) return known;
		const open = this.#open(role);
		this.#stores.set(role, open);
		open.catch(() => this.#stores.delete(role));
		return open;
	}

	async #open(role: Role): Promise<Store> {
		const url = await this.redisUrl();
		const { openLocalStore, openStore } = await import("../queue/records/open.ts");
		const options = { namespace: this.home.namespace, role, warn: (line: string) => this.#warn(line) };
		const late = setTimeout(() => this.output.progress("Redis does not answer yet …"), LATE_MS);
		const opening =
			url === null && !this.#startsNothing
				? openLocalStore({ path: this.home.base }, options, (line) => this.output.note(line))
				: this.target().then((target) => openStore({ ...options, target }));
		const store = await opening.finally(() => {
			clearTimeout(late);
			this.output.clearProgress();
		});
		this.#opened.add(store);
		if (this.#isClosed) await store.close();
		return store;
	}

	/** Once per command, and only where somebody looks. */
	#warn(line: string): void {
		if (this.#warned || process.stderr.isTTY !== true) return;
		this.#warned = true;
		this.output.note(line);
	}

	/** A connection that is still being made is not waited for: it may be what the command gave up. */
	async close(): Promise<void> {
		this.#isClosed = true;
		for (const store of this.#opened) await store.close();
	}
}
