/** That this daemon is the one of its state directory and of its host's id: claimed, shown, kept, given up. */
import type { Logger } from "pino";
import { mostAgents } from "../config/config.ts";
import { type Home, servedNames } from "../config/home.ts";
import { keepNames, type RememberedKey } from "../config/kept-marks.ts";
import { isThere } from "../process/atomic-file.ts";
import { ownIdentity, processIdentity } from "../process/identity.ts";
import type { PlaceLock } from "../process/lock.ts";
import { claimWriter, placeOfHome, touchWriter } from "../process/writer-mark.ts";
import { beat, claimHost, leave } from "../queue/records/hosts.ts";
import type { Store } from "../queue/records/store.ts";
import { isLoginRefused } from "../queue/redis/connect.ts";
import { placeOf } from "../task/address.ts";
import { DispatchError } from "../task/errors.ts";
import { VERSION } from "../task/version.ts";
import { readDaemonFile, removeDaemonFile, writeDaemonFile } from "./files.ts";
import { forgetPlace, leftText, placesLeft } from "./left-places.ts";
import type { LiveConfig } from "./live-config.ts";
import { OwnBackends } from "./own-backends.ts";
import { surroundingsOf } from "./surroundings.ts";

export interface PresenceOptions {
	home: Home;
	store: Store;
	env: Record<string, string | undefined>;
	redisUrl: string | null;
	key: RememberedKey;
	/** by which the directory is this worker's */
	lock?: Pick<PlaceLock, "keep">;
	/** another worker has taken its identity, or its directory is another one: it is to be stopped */
	displaced?: () => void;
	log: Logger;
}

export class Presence {
	readonly #options: PresenceOptions;
	#draining = false;
	#where: string | null = null;
	/** what was told last */
	#told: LiveConfig | null = null;
	#redisFault: string | null = null;
	/** what could not be told yet */
	#untold: LiveConfig | null = null;
	readonly #backends: OwnBackends;

	constructor(options: PresenceOptions) {
		this.#options = options;
		this.#backends = new OwnBackends(options.env);
	}

	/** @throws DISPATCH_OTHER_WRITER */
	async claimDirectory(): Promise<void> {
		const { home, log } = this.#options;
		const elsewhere = await claimWriter(home.path, home.homeId);
		if (elsewhere !== null)
			log.warn({ elsewhere }, "this state directory was used on another machine before");
	}

	/** @throws DISPATCH_OTHER_WRITER, DISPATCH_ALREADY_RUNNING */
	async claimHost(): Promise<void> {
		const { home, store } = this.#options;
		await claimHost(store, home.hostId, { homeId: home.homeId, ...this.#own });
		for (const left of placesLeft(home.base, this.#place)) this.#options.log.warn(leftText(left));
		this.#forgetPlace();
	}

	/** Where this worker lives. Found once: another directory may stand there later. */
	get #own(): { place: string; holder: string } {
		this.#where ??= placeOfHome(this.#options.home.path);
		return { place: this.#where, holder: ownIdentity() };
	}

	get #place(): string {
		return placeOf(this.#options.redisUrl);
	}

	/** Nobody's work waits for it. */
	#forgetPlace(): void {
		try {
			forgetPlace(this.#options.home.base, this.#place);
		} catch (error) {
			this.#options.log.warn({ error: String(error) }, "which Redis is served could not be written down");
		}
	}

	/** As `announce`; where there is no room for it now, it is told with a later beat. */
	tell(config: LiveConfig, changes: { draining?: boolean } = {}): void {
		this.#untold = null;
		try {
			this.announce(config, changes);
		} catch (error) {
			this.#untold = config;
			this.#options.log.warn({ error: String(error) }, "what this worker does could not be written down");
		}
	}

	/**
	 * Somebody may have damaged or removed what it told, the names of its directory or its key: nobody would find this
	 * worker any more, and the next one would take none of its tasks for its own. Where another directory stands in the place of its own, the worker of that one is another.
	 */
	async keep(): Promise<void> {
		const { home, env, log, lock, displaced } = this.#options;
		if (this.#told === null || !isThere(home.path)) return;
		if (placeOfHome(home.path) !== this.#own.place) {
			log.error("another directory stands in the place of this worker's: stopping");
			this.#told = null;
			return displaced?.();
		}
		const told = this.#told;
		// Each by itself: one that keeps failing keeps nothing else from being put back.
		const kept = await Promise.allSettled([
			lock?.keep(),
			(async () => this.#keepTold(told))(),
			(async () => this.#keepKey())(),
			(async () => keepNames(home.path, servedNames(home, env)))(),
		]);
		for (const each of kept) if (each.status === "rejected") throw each.reason;
	}

	#keepTold(told: LiveConfig): void {
		const { home, log } = this.#options;
		if (readDaemonFile(home.path)?.identity.pid === process.pid) return;
		log.warn("what this worker says of itself was damaged: it writes it anew");
		this.tell(told);
	}

	/** @throws as `RememberedKey.keep` */
	#keepKey(): void {
		const { key, log } = this.#options;
		const found = key.keep();
		if (found !== null) log.warn({ found }, "the signing key was lost or damaged: this worker put it back");
	}

	/** For `up`, `status` and `doctor`. @param changes draining: from now on. @throws DISPATCH_DISK */
	announce(config: LiveConfig, { draining = this.#draining } = {}): void {
		this.#draining = draining;
		this.#told = config;
		const { current, fault } = config;
		const { home, env } = this.#options;
		const identity = processIdentity(process.pid);
		if (identity === null) return;
		const surroundings = surroundingsOf(env, current, home);
		const faults = { configFault: fault, redisFault: this.#redisFault };
		const names = servedNames(home, env);
		const shown = { version: VERSION, redis: this.#place, host: home.hostId, ...faults, surroundings };
		writeDaemonFile(home.path, { identity, ready: true, draining, ...shown }, names);
	}

	/**
	 * Whoever finds another one under its identity starts nothing more: its agents run on, and are the other's.
	 * @param isDrained it starts nothing new, since somebody wants it so
	 * @returns false: another one has taken it
	 */
	async beat(
		{ taken, limit }: { taken: number; limit: number },
		{ worker, backends }: Pick<LiveConfig["current"], "worker" | "backends">,
		isDrained: boolean,
	): Promise<boolean> {
		const { home, store, log } = this.#options;
		if (this.#untold !== null) this.tell(this.#untold);
		const { path, homeId, hostId } = home;
		const state = {
			...{ homeId, home: path, pid: process.pid, draining: this.#draining || isDrained, version: VERSION },
			running: taken,
			concurrency: limit,
			maxAgents: mostAgents(worker, limit),
			backends: this.#backends.of(Object.values(backends)),
		};
		const told = (from: string) => {
			log.warn(
				{ from },
				"Redis named a worker of this state directory that there is not: its host is claimed anew",
			);
		};
		const say = async () => {
			const clockOffset = await clockOffsetOf(store);
			return beat(store, hostId, { ...state, clockOffset }, this.#own, told);
		};
		const isMine = this.#isWriter() && (await this.tried(say));
		if (!isMine) log.error("another worker has taken the identity of this state directory: stopping");
		return isMine;
	}

	/** A login that is refused stays refused until a person acts: they are told. @throws as `call` */
	async tried<T>(call: () => Promise<T>): Promise<T> {
		try {
			const done = await call();
			this.#setRedisFault(null);
			return done;
		} catch (error) {
			const said = error instanceof DispatchError ? error.message : String(error);
			if (isLoginRefused(error)) this.#setRedisFault(said);
			throw error;
		}
	}

	#setRedisFault(fault: string | null): void {
		if (fault === this.#redisFault) return;
		this.#redisFault = fault;
		if (this.#told !== null) this.tell(this.#told);
	}

	/** A mark that cannot be made says nothing of who else writes: the others must not take this host for gone. */
	#isWriter(): boolean {
		const { home, log } = this.#options;
		try {
			return touchWriter(home.path);
		} catch (error) {
			log.warn({ error: String(error) }, "the mark of this state directory's writer could not be touched");
			return true;
		}
	}

	/** Nobody waits for its heartbeat to grow old. */
	async leave(): Promise<void> {
		const { home, store } = this.#options;
		await leave(store, home.hostId, this.#own);
	}

	/** The next worker finds the key as this one knew it: what it told is null where another directory stands there. */
	#keepLast(): void {
		const { path } = this.#options.home;
		try {
			if (this.#told !== null && isThere(path) && placeOfHome(path) === this.#own.place) this.#keepKey();
		} catch (error) {
			this.#options.log.error({ error: String(error) }, "the signing key could not be put back");
		}
	}

	withdraw(): void {
		const { path } = this.#options.home;
		this.#keepLast();
		this.#told = null;
		// Another worker's word is left alone.
		if ((readDaemonFile(path)?.identity.pid ?? process.pid) === process.pid) removeDaemonFile(path);
	}
}

/** ms that this machine's clock is before that of Redis, off by half of what the call takes. */
async function clockOffsetOf(store: Store): Promise<number> {
	const before = store.clock.now();
	const there = await store.now();
	return Math.round((before + store.clock.now()) / 2 - there);
}
