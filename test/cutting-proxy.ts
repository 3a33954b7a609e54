/** Between a client and a Redis server. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Cuts the connection in place of a reply. */
export class CuttingProxy {
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	target: string;
	cuts = 0;
	#armed = false;
	/** the next reply comes by half */
	isTearing = false;
	/** replies of any kind until one is lost */
	#repliesLeft = Number.POSITIVE_INFINITY;
	#known = new Set<Socket>();

	constructor(target: string) {
		this.target = target;
		this.#server = createServer((client) => this.#join(client));
	}

	async start(): Promise<string> {
		this.#server.listen(0, "127.0.0.1");
		await once(this.#server, "listening");
		return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	loseNextReply(): void {
		this.#armed = true;
	}

	/** The n-th one to clients that come from now on, of whatever was asked; counted from 1. */
	loseReply(n: number): void {
		this.#repliesLeft = n;
		this.#known = new Set(this.#sockets);
	}

	#join(client: Socket): void {
		const server = connect(this.target);
		let isScript = false;
		for (const socket of [client, server]) {
			this.#sockets.add(socket);
			socket.on("error", () => {});
			socket.on("close", () => {
				this.#sockets.delete(socket);
				client.destroy();
				server.destroy();
			});
		}
		client.on("data", (bytes) => {
			isScript = /\beval(?:sha)?\b/i.test(bytes.toString("latin1"));
			server.write(bytes);
		});
		server.on("data", (bytes) => {
			if (!this.#known.has(client)) this.#repliesLeft -= 1;
			// The script was run; NOSCRIPT is no run.
			if (this.#armed && isScript && !bytes.toString("latin1").startsWith("-")) {
				this.#armed = false;
				this.cuts += 1;
				client.destroy();
			} else if (this.#repliesLeft === 0 && !this.#known.has(client)) {
				this.cuts += 1;
				client.destroy();
			} else if (this.isTearing) {
				this.isTearing = false;
				this.cuts += 1;
				client.write(bytes.subarray(0, bytes.length / 2), () => client.destroy());
			} else client.write(bytes);
		});
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, "close");
	}
}
