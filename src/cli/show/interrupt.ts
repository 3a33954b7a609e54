/** Ctrl-C and SIGTERM as a signal that a waiting command can act on. */
export interface Interrupt {
	signal: AbortSignal;
	/** gives the signals back to the system */
	release(): void;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** @param hangUp SIGHUP too: for what has a terminal to give back, never for what may run under nohup */
export function onInterrupt({ hangUp = false } = {}): Interrupt {
	const controller = new AbortController();
	const abort = () => controller.abort();
	const signals = hangUp ? [...SIGNALS, "SIGHUP" as const] : SIGNALS;
	for (const name of signals) process.once(name, abort);
	return {
		signal: controller.signal,
		release: () => {
			for (const name of signals) process.off(name, abort);
		},
	};
}
