/** A proxy before a Redis that can answer every command with an error, as a server does that refuses everybody for a while. */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

export class RefusingRedis {
	readonly socketPath = join(temporaryFolder("refusing"), "s");
	/** what commands are answered in turn, without the leading "-"; none: the server itself answers */
	errors: readonly string[] = [];
	/** so many commands are taken before the first is refused */
	taken = 0;
	/** all are taken until one holds this text: that one is refused, and whatever comes after it */
	takenUntil: string | null = null;
	/** those that hold this text are refused, and no others */
	onlyWith: string | null = null;
	/** how many commands were refused */
	refused = 0;
	readonly #commands = new Map<Socket, { number: number; sent: number }>();
	#joined = 0;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();

	constructor(target: string) {
		this.#server = createServer((client) => this.#join(client, createConnection(target)));
	}

	get url(): string {
		return `unix://${this.socketPath}`;
	}

	async start(): Promise<void> {
		this.#server.listen(this.socketPath);
		await once(this.#server, "listening");
	}

	/** How many connections there have been. */
	get joined(): number {
		return this.#joined;
	}

	/** Connections that have sent at least so many commands, without the first `after` that there have been. */
	clients(commands: number, after: number): number {
		return [...this.#commands.values()].filter(({ sent, number }) => sent >= commands && number > after)
			.length;
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, "close");
	}

	#join(client: Socket, server: Socket): void {
		let pending = Buffer.alloc(0);
		const counted = { number: ++this.#joined, sent: 0 };
		this.#commands.set(client, counted);
		for (const socket of [client, server]) {
			this.#sockets.add(socket);
			socket.on("error", () => {});
			socket.on("close", () => {
				this.#sockets.delete(socket);
				this.#commands.delete(client);
				client.destroy();
				server.destroy();
			});
		}
		client.on("data", (bytes) => {
			pending = Buffer.concat([pending, bytes]);
			for (let end = endOfCommand(pending); end > 0; end = endOfCommand(pending)) {
				const command = pending.subarray(0, end);
				pending = pending.subarray(end);
				counted.sent += 1;
				if (this.takenUntil !== null && command.includes(this.takenUntil)) this.takenUntil = null;
				const isOther = this.onlyWith !== null && !command.includes(this.onlyWith);
				const isTaken = this.taken > 0 || this.takenUntil !== null || isOther;
				const error = isTaken ? undefined : this.errors[this.refused % this.errors.length];
				if (this.errors.length > 0) this.taken = Math.max(0, this.taken - 1);
				if (error === undefined) server.write(command);
				else {
					this.refused += 1;
					client.write(`-${error}\r\n`);
				}
			}
		});
		server.on("data", (bytes) => client.write(bytes));
	}
}

/** @returns where the first command of `bytes` (an array of bulk strings) ends; 0: it has not come in full */
function endOfCommand(bytes: Buffer): number {
	const head = bytes.indexOf("\r\n");
	if (head < 0) return 0;
	let at = head + 2;
	for (let left = Number(bytes.toString("latin1", 1, head)); left > 0; left--) {
		const end = bytes.indexOf("\r\n", at);
		if (end < 0) return 0;
		at = end + 2 + Number(bytes.toString("latin1", at + 1, end)) + 2;
	}
	return at <= bytes.length ? at : 0;
}
