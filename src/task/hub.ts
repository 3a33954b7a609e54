/** News of tasks inside one daemon: what the monitor sees, the worker hears. A hint, never the truth. */
import { EventEmitter } from "node:events";
import type { Progress } from "./spec.ts";
import type { State } from "./states.ts";

interface News {
	state: [task: string, state: State];
	progress: [task: string, progress: Progress];
}

export class Hub extends EventEmitter<News> {
	/** nonces of the runs that this process started: an end that it did not see counts otherwise */
	readonly startedHere = new Set<string>();

	constructor() {
		super();
		this.setMaxListeners(0);
	}

	/** Resolves at the next change of the task's state, when `signal` aborts, or after `limitMs`. */
	changed(task: string, signal: AbortSignal, limitMs: number): Promise<void> {
		return new Promise((resolve) => {
			const end = () => {
				clearTimeout(timer);
				this.off("state", hear);
				signal.removeEventListener("abort", end);
				resolve();
			};
			const hear = (name: string) => name === task && end();
			const timer = setTimeout(end, limitMs);
			this.on("state", hear);
			signal.addEventListener("abort", end);
			if (signal.aborted) end();
		});
	}
}
