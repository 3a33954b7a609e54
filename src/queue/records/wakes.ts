/** What wakes a daemon. A wake is a hint: it may be lost, and nothing depends on it. */
import { Service } from "../../task/service.ts";
import type { Store } from "./store.ts";

export type Wake =
	| { kind: "outbox" }
	| { kind: "removed" }
	| { kind: "host"; host: string }
	| { kind: "task"; task: string };

/** Listens to the namespace's wakes, on a connection of its own. */
export class WakeSubscription extends Service {
	readonly #store: Store;
	readonly #listen: (wake: Wake) => void;

	constructor(store: Store, listen: (wake: Wake) => void) {
		super();
		this.#store = store;
		this.#listen = listen;
	}

	protected override async open(): Promise<void> {
		const client = this.#store.another();
		this.onStop(() => client.disconnect());
		client.on("message", (_channel: string, message: string) => {
			if (message === "outbox" || message === "removed") this.#listen({ kind: message });
			else if (message.startsWith("host "))
				this.#listen({ kind: "host", host: message.slice("host ".length) });
			else if (message.startsWith("task "))
				this.#listen({ kind: "task", task: message.slice("task ".length) });
		});
		await this.#store.guard(() => client.subscribe(this.#store.keys.wake));
	}
}
