/** A Redis that is far away: a proxy that holds every reply back, so that what waits for a reply can be counted. */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "./temporary-folder.ts";

/** Longer than a busy machine needs to write what a program sends at once. */
const FAR_MS = 150;

export class FarRedis {
	readonly socketPath = join(temporaryFolder("far"), "far.sock");
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	#isFar = false;
	#trips: number[] = [];

	constructor(socketPath: string) {
		this.#server = createServer((client) => this.#connect(client, createConnection(socketPath)));
	}

	get url(): string {
		return `unix://${this.socketPath}`;
	}

	async start(): Promise<void> {
		this.#server.listen(this.socketPath);
		await once(this.#server, "listening");
	}

	/** @returns how often each connection that `work` opened sent something and waited for the reply */
	async roundTrips(work: () => Promise<unknown>): Promise<number[]> {
		this.#trips = [];
		this.#isFar = true;
		try {
			await work();
		} finally {
			this.#isFar = false;
		}
		return this.#trips;
	}

	stop(): void {
		this.#server.close();
		for (const socket of this.#sockets) socket.destroy();
	}

	#connect(client: Socket, redis: Socket): void {
		const isCounted = this.#isFar;
		const at = isCounted ? this.#trips.push(0) - 1 : -1;
		let waits = false;
		client.on("data", (bytes) => {
			if (isCounted && !waits) this.#trips[at] = (this.#trips[at] ?? 0) + 1;
			waits = true;
			redis.write(bytes);
		});
		redis.on("data", (bytes) => {
			const send = () => {
				waits = false;
				client.write(bytes);
			};
			if (isCounted) setTimeout(send, FAR_MS);
			else send();
		});
		for (const [one, other] of [
			[client, redis],
			[redis, client],
		] as const) {
			this.#sockets.add(one);
			one.on("error", () => {});
			one.on("close", () => other.destroy());
		}
	}
}
