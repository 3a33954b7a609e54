/** The state of a task as Redis has it: a look that costs no command. */
import { createConnection } from "node:net";
import { join } from "node:path";
import { keysOf } from "../../src/queue/records/keys.ts";
import { serverPlace } from "../../src/queue/redis/server-place.ts";

const LIMIT_MS = 2_000;

export interface LookedAt {
	/** the state directory */
	home: string;
	/** undefined: its local server */
	redis: string | undefined;
	namespace: string;
}

/** @returns null where only a command can tell: no such task there, a password, TLS, a server that is away */
export function stateInRedis({ home, redis, namespace }: LookedAt, id: string): Promise<string | null> {
	const at = redis === undefined ? { path: serverPlace(home).socketPath } : plainAddress(redis);
	if (at === null) return Promise.resolve(null);
	return new Promise((resolve) => {
		const socket = createConnection(at);
		let reply = "";
		const end = (state: string | null) => {
			socket.destroy();
			resolve(state);
		};
		socket.setTimeout(LIMIT_MS, () => end(null));
		socket.on("error", () => end(null));
		socket.on("close", () => end(null));
		socket.on("data", (data) => {
			reply += data.toString();
			const [length = "", value] = reply.split("\r\n");
			if (!/^\$\d+$/.test(length)) end(null);
			else if (value?.length === Number(length.slice(1))) end(value);
		});
		socket.write(`HGET ${keysOf(namespace).task(id)} state\r\n`);
	});
}

function plainAddress(url: string): { host: string; port: number } | { path: string } | null {
	const { protocol, hostname, port, pathname, username, password, search } = new URL(url);
	if (username !== "" || password !== "" || search !== "") return null;
	if (protocol === "unix:") return { path: join("/", hostname, pathname) };
	const isPlain = protocol === "redis:" && ["", "/", "/0"].includes(pathname);
	return isPlain ? { host: hostname, port: Number(port || 6379) } : null;
}
