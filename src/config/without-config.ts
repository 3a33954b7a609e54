/** What holds where the config does not load: enough to look, to answer, and to stop what runs. */

import { isShut, notLookedAt } from "../process/read-file.ts";
import { faultOfAddress, LOCAL_ADDRESS } from "../task/address.ts";
import { DispatchError } from "../task/errors.ts";
import { type Config, emptyConfig } from "./config.ts";
import { lastConfig, loadConfig } from "./load.ts";
import { readConfigText } from "./save.ts";
import { ownerOf } from "./state-directory.ts";

interface Source {
	path: string;
	env: Readonly<Record<string, string | undefined>>;
	/** the base directory */
	base: string;
}

export interface KnownConfig {
	config: Config;
	/** why the file was not gone by; null: it loads */
	fault: string | null;
	/** an address is known, if only that it is the local one: nothing is started by a config that nobody understood */
	isPlaceKnown: boolean;
}

/**
 * The config; where it does not load, as it was when it did, or one that names an address alone.
 * @throws DISPATCH_DISK where no address can be known either
 */
export async function configAnyway(source: Source): Promise<KnownConfig> {
	try {
		const config = await loadConfig(source);
		const wrong = config.redisUrl === null ? null : faultOf(config.redisUrl);
		if (wrong === null) return { config, fault: null, isPlaceKnown: true };
		const fault = `redis.url in ${source.path}: ${wrong}. Mend it with: dispatch config edit.`;
		return { ...(await inPlace(config, null, source)), fault };
	} catch (error) {
		const fault = isShut(error) ? notLookedAt(source.path, error) : error;
		if (!(fault instanceof DispatchError)) throw error;
		const last = lastConfig(source);
		const config = last ?? { ...emptyConfig(), path: source.path };
		return { ...(await inPlace(config, last, source)), fault: fault.inFull };
	}
}

/** @param last as it loaded last; null: that is not known, or names no address either */
async function inPlace(
	config: Config,
	last: Config | null,
	{ path, base }: Source,
): Promise<Pick<KnownConfig, "config" | "isPlaceKnown">> {
	const said = await saidIn(path);
	if (isSound(said)) return { config: { ...config, redisUrl: said }, isPlaceKnown: true };
	if (last !== null && (last.redisUrl === null || isSound(last.redisUrl)))
		return { config: last, isPlaceKnown: true };
	const owner = ownerOf(base);
	const redisUrl = said === null || owner === null ? null : (owner.url ?? LOCAL_ADDRESS);
	return { config: { ...config, redisUrl }, isPlaceKnown: false };
}

function isSound(address: string | null | undefined): address is string {
	return typeof address === "string" && faultOf(address) === null;
}

/** The one that the file names, as far as it can be read; else the one whose the state directory is. */
export async function addressWithoutConfig({ path, base }: Omit<Source, "env">): Promise<string | null> {
	const said = await saidIn(path);
	if (said === null || isSound(said)) return said;
	const owner = ownerOf(base);
	return owner === null ? null : (owner.url ?? LOCAL_ADDRESS);
}

function faultOf(address: string): string | null {
	return address === LOCAL_ADDRESS ? null : faultOfAddress(address);
}

async function saidIn(path: string): Promise<string | null | undefined> {
	const { addressIn } = await import("./parse.ts");
	try {
		return addressIn(readConfigText(path) ?? "");
	} catch {
		return undefined;
	}
}
