/** What holds where the config does not load: enough to stop what runs, and to look at it. */

import { isShut, notLookedAt } from "../process/read-file.ts";
import { faultOfAddress, LOCAL_ADDRESS } from "../task/address.ts";
import { DispatchError } from "../task/errors.ts";
import { type Config, emptyConfig } from "./config.ts";
import { loadConfig } from "./load.ts";
import { readConfigText } from "./save.ts";
import { ownerOf } from "./state-directory.ts";

interface Source {
	path: string;
	env: Readonly<Record<string, string | undefined>>;
	/** the base directory */
	base: string;
}

/**
 * The config; where it does not load, or names no sound address, one that names an address alone.
 * @returns fault: why, null where it loads. @throws DISPATCH_DISK where no address can be known either
 */
export async function configToStop(source: Source): Promise<{ config: Config; fault: string | null }> {
	try {
		const config = await loadConfig(source);
		const wrong = config.redisUrl === null ? null : faultOf(config.redisUrl);
		if (wrong === null) return { config, fault: null };
		const redisUrl = await addressWithoutConfig(source);
		return { config: { ...config, redisUrl }, fault: `redis.url in ${source.path}: ${wrong}.` };
	} catch (error) {
		const fault = isShut(error) ? notLookedAt(source.path, error) : error;
		if (!(fault instanceof DispatchError)) throw error;
		const redisUrl = await addressWithoutConfig(source);
		return { config: { ...emptyConfig(), path: source.path, redisUrl }, fault: fault.message };
	}
}

/** The one that the file names, as far as it can be read; else the one whose the state directory is. */
export async function addressWithoutConfig({ path, base }: Omit<Source, "env">): Promise<string | null> {
	const said = await saidIn(path);
	if (said === null || (said !== undefined && faultOf(said) === null)) return said;
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
