/** Redis addresses: whether one is sound, how it may be shown, and whether two lead to one place. Loads nothing. */
import { DispatchError } from "./errors.ts";

/** What an address without a name is called. */
export const LOCAL_PLACE = "dispatch's own local Redis";
/** Where an address is asked for, the local server; so it can be named though the config names another one. */
export const LOCAL_ADDRESS = "local";
const USUAL_PORT = "6379";

/**
 * One spelling for all that lead to the same data, without user and password.
 * @param url null: the local server of the state directory
 */
export function placeOf(url: string | null): string {
	if (url === null) return LOCAL_PLACE;
	const rest = url.slice(url.indexOf("://") + 3);
	if (/^unix:/i.test(url)) return `unix://${rest.replace(/[?#].*$/s, "")}`;
	// What stands behind the server may hold an `@`, too.
	const [authority = "", behind = ""] = splitServer(rest);
	const [path = "", query = ""] = behind.replace(/#.*$/s, "").split(/\?(.*)/s);
	const server = authority.slice(authority.lastIndexOf("@") + 1);
	const [, host = server, port = USUAL_PORT] = /^(.*?)(?::(\d+))?$/.exec(server.toLowerCase()) ?? [];
	const database = path.slice(1) || valuesIn(query, "db").at(-1);
	const name = host === "localhost" ? "127.0.0.1" : host;
	return `redis://${name}:${Number(port)}/${Number(database || "0")}`;
}

/** User, password, host and port; and what comes behind them. */
function splitServer(rest: string): [server: string, behind: string] {
	const end = rest.search(/[/?#]/);
	return end < 0 ? [rest, ""] : [rest.slice(0, end), rest.slice(end)];
}

/** As the client reads them: of several the last one counts. */
function valuesIn(query: string, name: string): string[] {
	return new URLSearchParams(query).getAll(name);
}

/** @returns null for the local server */
export function urlOf(address: string): string | null {
	return address === LOCAL_ADDRESS ? null : address;
}

/** The address as it may be shown: its server and database alone, well-formed or not. */
export function shownAddress(target: { url?: string | undefined; socketPath?: string | undefined }): string {
	if (target.socketPath !== undefined) return target.socketPath;
	const [, scheme = "", rest = ""] = /^([a-z]+:\/\/|)(.*)$/is.exec(target.url ?? "") ?? [];
	if (scheme === "unix://") return `${scheme}${rest.replace(/[?#].*$/s, "")}`;
	// The `@` of a password that is not encoded, unless it stands in what is not shown.
	const shown = rest.replace(/[?#].*$/s, "");
	const place = shown.slice(shown.lastIndexOf("@") + 1);
	// Without a host, what stands before the end may be a password.
	return /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?(?:\/\d*)?$/i.test(place) ? `${scheme}${place}` : `${scheme}…`;
}

const LAST_PORT = 65_535;
const LAST_DATABASE = 1_023;
const ADDRESS_FORM = "redis://[user:password@]host:port[/db]";

/**
 * What can be known of an address without connecting.
 * @param from where it was given: `--redis`, `DISPATCH_REDIS_URL`, `redis.url` in the config, `REDIS_URL`
 * @throws DISPATCH_USAGE naming what is wrong, never the password
 */
export function checkAddress(url: string, from = "--redis or DISPATCH_REDIS_URL"): void {
	const wrong = faultOfAddress(url);
	if (wrong === null) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected ${from} to be like redis://host:6379, got "${shownAddress({ url })}": ${wrong}.`,
		{
			hint: `Write it as ${ADDRESS_FORM}; in user and password / is %2F, # %23, ? %3F, @ %40, % %25. \`${LOCAL_ADDRESS}\` is dispatch's own server.`,
		},
	);
}

/** The client would follow these, or take them for the server's; the address of a place says where it is. */
const ELSEWHERE = /[?&](path|sentinels|name|host|port|keyPrefix)=/i;

/** @returns null for a sound one */
export function faultOfAddress(url: string): string | null {
	if (/^unix:\/\/./.test(url)) return null;
	const [, scheme, rest = ""] = /^(rediss?):\/\/(.*)$/s.exec(url) ?? [];
	if (scheme === undefined) return "it begins with none of redis://, rediss://, unix://";
	if (/\s/.test(url)) return "it holds a blank";
	const [authority, behind] = splitServer(rest);
	if (rest.includes("@") && !authority.includes("@")) return "the password is not encoded";
	const server = authority.slice(authority.lastIndexOf("@") + 1);
	if (!isEncoded(authority)) return "the user or password holds a % that is not encoded";
	const [, host, port] = /^(\[[\da-f:.]+\]|[^:[\]]*)(?::([^:]*))?$/i.exec(server) ?? [];
	if (host === undefined) return "host and port cannot be told apart";
	if (host === "") return "it names no host";
	if (port !== undefined && !(/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= LAST_PORT))
		return `the port must be 1–${LAST_PORT}`;
	const elsewhere = ELSEWHERE.exec(behind)?.[1];
	if (elsewhere !== undefined) return `?${elsewhere}= leads elsewhere than its server`;
	const [path = "", query = ""] = behind.replace(/#.*$/s, "").split(/\?(.*)/s);
	const databases = [path.slice(1) || "0", ...valuesIn(query, "db")];
	return databases.every(isDatabase) ? null : "the database must be a number";
}

function isDatabase(text: string): boolean {
	return /^\d{1,4}$/.test(text) && Number(text) <= LAST_DATABASE;
}

function isEncoded(text: string): boolean {
	try {
		decodeURIComponent(text);
		return true;
	} catch {
		return false;
	}
}
