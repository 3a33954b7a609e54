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
	const signals = hangUp ? [...SIGNALS, "SIGHUP" as const] : SIGNALS;
	// Kept after the first one: who else listens (execa, while a program has the terminal) ends the process where
	// nobody does. The second one does what it would without us.
	const hear = (name: NodeJS.Signals) => {
		if (controller.signal.aborted) {
			release();
			process.kill(process.pid, name);
		} else controller.abort();
	};
	const release = () => {
		for (const name of signals) process.off(name, hear);
	};
	for (const name of signals) process.on(name, hear);
	return { signal: controller.signal, release };
}
