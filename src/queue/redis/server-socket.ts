/** Single commands to a server's unix socket, without a client: one round trip, nothing to load. */
import { connect } from "node:net";

export type ServerAnswer =
	/** it replied */
	| "ready"
	/** it lives and still reads its data */
	| "loading"
	/** somebody listens, and says nothing within the limit */
	| "silent"
	/** nobody listens */
	| "absent";

const NOBODY_LISTENS = new Set(["ENOENT", "ECONNREFUSED", "ENOTDIR"]);

/** Sends one inline command. A server that closes the connection instead of replying counts as absent. */
export function askServer(socketPath: string, command: string, limitMs: number): Promise<ServerAnswer> {
	return new Promise((resolve) => {
		let reply = "";
		const socket = connect(socketPath);
		const settle = (answer: ServerAnswer) => {
			clearTimeout(timer);
			socket.destroy();
			resolve(answer);
		};
		const timer = setTimeout(() => settle("silent"), limitMs);
		socket.on("error", (error: NodeJS.ErrnoException) =>
			settle(NOBODY_LISTENS.has(error.code ?? "") ? "absent" : "silent"),
		);
		socket.on("close", () => settle("absent"));
		socket.on("data", (chunk) => {
			reply += chunk.toString("latin1");
			if (reply.includes("\n")) settle(reply.startsWith("-LOADING") ? "loading" : "ready");
		});
		socket.write(`${command}\r\n`);
	});
}
