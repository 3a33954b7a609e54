/** Redis addresses: whether one is sound, how it may be shown, and whether two lead to one place. Loads nothing. */
import { DispatchError } from "./errors.ts";

/** What an address without a name is called. */
export const LOCAL_PLACE = "dispatch's own local Redis";
/** Where an address is asked for, the local server; so it can be named though the config names another one. */
export const LOCAL_ADDRESS = "local";
const USUAL_PORT = "6379";
const SENTINEL_PORT = "26379";

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
	const { kind, servers } = serversOf(url, authority);
	const { group, database = valuesIn(query, "db").at(-1) } = partsOf(kind, path);
	const named = group === "" ? "" : `/${group}`;
	const names = servers.map(({ host, port }) => `${host}:${port}`);
	return `redis${kind}://${[...new Set(names)].sort().join()}${named}/${Number(database || "0")}`;
}

/** What stands between scheme and server: one server, those that know where it is, or some of a cluster. */
type Kind = "" | "+sentinel" | "+cluster";

function kindOf(url: string): Kind {
	return (/^rediss?(\+(?:sentinel|cluster)):/.exec(url)?.[1] ?? "") as Kind;
}

export interface ServerAddress {
	host: string;
	port: number;
}

/** The servers that an address names, one unless it is of Sentinel or a cluster. @param authority what may have a user in front */
function serversOf(url: string, authority: string): { kind: Kind; servers: ServerAddress[] } {
	const kind = kindOf(url);
	const all = authority.slice(authority.lastIndexOf("@") + 1).toLowerCase();
	const servers = (kind === "" ? [all] : all.split(",")).map((server) => {
		const usual = kind === "+sentinel" ? SENTINEL_PORT : USUAL_PORT;
		const [, host = server, port = usual] = /^(.*?)(?::(\d+))?$/.exec(server) ?? [];
		return { host: host === "localhost" ? "127.0.0.1" : host, port: Number(port) };
	});
	return { kind, servers };
}

/** Sentinel's name of the server (`group`) stands before the database. */
function partsOf(kind: Kind, path: string): { group: string; database: string | undefined } {
	const [first = "", second = ""] = path.slice(1).split(/\/(.*)/s);
	return kind === "+sentinel"
		? { group: first, database: second || undefined }
		: { group: "", database: path.slice(1) || undefined };
}

/** An address in its parts, for what makes a client of it. @param url a sound one, and no socket's */
export function readAddress(url: string) {
	const [authority, behind] = splitServer(url.slice(url.indexOf("://") + 3));
	const [path = "", query = ""] = behind.replace(/#.*$/s, "").split(/\?(.*)/s);
	const [, ofUser = ""] = /^(.*)@/s.exec(authority) ?? [];
	const [user = "", password = ""] = ofUser.split(/:(.*)/s);
	return {
		...serversOf(url, authority),
		...partsOf(kindOf(url), path),
		isTls: url.startsWith("rediss"),
		user: decodeURIComponent(user),
		password: decodeURIComponent(password),
		/** of several the last one, with a `+` as it stands; null: there is none */
		parameter: (name: string) => valuesIn(query.replaceAll("+", "%2B"), name).at(-1) ?? null,
	};
}

/** Whether the client needs more than the URL to be made: files, or other servers to be asked first. */
export function isSpecial(url: string): boolean {
	return kindOf(url) !== "" || /^redis.*[?&](?:(?:ca|cert|key)file|tls)=/s.test(url);
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

/** The address as it may be shown: its servers and database alone, well-formed or not. */
export function shownAddress(target: { url?: string | undefined; socketPath?: string | undefined }): string {
	if (target.socketPath !== undefined) return target.socketPath;
	const [, scheme = "", rest = ""] = /^([a-z+]+:\/\/|)(.*)$/is.exec(target.url ?? "") ?? [];
	if (scheme === "unix://") return `${scheme}${rest.replace(/[?#].*$/s, "")}`;
	// The `@` of a password that is not encoded, unless it stands in what is not shown.
	const shown = rest.replace(/[?#].*$/s, "");
	const place = shown.slice(shown.lastIndexOf("@") + 1);
	// Without a host, what stands before the end may be a password.
	const form = kindOf(scheme) === "" ? SERVER_SHOWN : SERVERS_SHOWN;
	return form.test(place) ? `${scheme}${place}` : `${scheme}…`;
}

const SERVER_SHOWN = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?(?:\/\d*)?$/i;
const SERVERS_SHOWN =
	/^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?(?:,(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?)*(?:\/[\w.-]*(?:\/\d*)?)?$/i;

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
	// Not yet `+sentinel` and `+cluster`: no test has seen them at work.
	const [, scheme, rest = ""] = /^(rediss?):\/\/(.*)$/s.exec(url) ?? [];
	if (scheme === undefined) return "it begins with none of redis://, rediss://, unix://";
	if (/\s/.test(url)) return "it holds a blank";
	const [authority, behind] = splitServer(rest);
	if (rest.includes("@") && !authority.includes("@")) return "the password is not encoded";
	const server = authority.slice(authority.lastIndexOf("@") + 1);
	if (!isEncoded(authority)) return "the user or password holds a % that is not encoded";
	const kind = kindOf(url);
	const wrong = (kind === "" ? [server] : server.split(","))
		.map(faultOfServer)
		.find((fault) => fault !== null);
	if (wrong !== undefined) return wrong;
	const elsewhere = ELSEWHERE.exec(behind)?.[1];
	if (elsewhere !== undefined) return `?${elsewhere}= leads elsewhere than its server`;
	const [path = "", query = ""] = behind.replace(/#.*$/s, "").split(/\?(.*)/s);
	const { group, database = "0" } = partsOf(kind, path);
	if (kind === "+sentinel" && !/^[\w.-]+$/.test(group))
		return "behind the sentinels comes the name by which they know the server: /mymaster";
	const databases = [database, ...valuesIn(query, "db")];
	if (kind === "+cluster" && databases.some((each) => Number(each) !== 0))
		return "a cluster has database 0 alone";
	return databases.every(isDatabase) ? null : "the database must be a number";
}

function faultOfServer(server: string): string | null {
	const [, host, port] = /^(\[[\da-f:.]+\]|[^:[\]]*)(?::([^:]*))?$/i.exec(server) ?? [];
	if (host === undefined) return "host and port cannot be told apart";
	if (host === "") return "it names no host";
	const isPort = port === undefined || (/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= LAST_PORT);
	return isPort ? null : `the port must be 1–${LAST_PORT}`;
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
