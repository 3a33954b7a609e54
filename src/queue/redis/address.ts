/** Whether two addresses lead to one place. Loads nothing: `enqueue` asks it at every call. */

/** What an address without a name is called. */
export const LOCAL_PLACE = "dispatch's own local Redis";
const USUAL_PORT = "6379";

/**
 * One spelling for all that lead to the same data, without user and password.
 * @param url null: the local server of the state directory
 */
export function placeOf(url: string | null): string {
	if (url === null) return LOCAL_PLACE;
	const rest = url.slice(url.indexOf("://") + 3);
	const place = rest.slice(rest.lastIndexOf("@") + 1);
	if (/^unix:/i.test(url)) return `unix://${place.replace(/[?#].*$/s, "")}`;
	const query = /[?&]db=(\d+)/.exec(place)?.[1];
	const [server = "", database = ""] = place.replace(/[?#].*$/s, "").split("/");
	const [, host = server, port = USUAL_PORT] = /^(.*?)(?::(\d+))?$/.exec(server.toLowerCase()) ?? [];
	const name = host === "localhost" ? "127.0.0.1" : host;
	return `redis://${name}:${port}/${database || query || "0"}`;
}
