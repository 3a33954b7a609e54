/** Ctrl-C and SIGTERM as a signal that a waiting command can act on. */
export interface Interrupt {
	signal: AbortSignal;
	/** gives the signals back to the system */
	release(): void;
}

export function onInterrupt(): Interrupt {
	const controller = new AbortController();
	const abort = () => controller.abort();
	process.once("SIGINT", abort);
	process.once("SIGTERM", abort);
	return {
		signal: controller.signal,
		release: () => {
			process.off("SIGINT", abort);
			process.off("SIGTERM", abort);
		},
	};
}
