/** For commands that take down what they started, however they are ended. */
import { endOurs } from "../../process/ends-with-us.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Signals, also repeated ones, a reader or a terminal that went away: the command leaves only after it has
 * cleaned up. `end` gets the fault, if it was one.
 */
export function onEveryEnd(end: (fault?: Error) => void): () => void {
	const onSignal = () => {
		end();
		// Before it waits for anything: nothing but this ends a git that hangs.
		endOurs("dispatch was interrupted");
	};
	for (const signal of SIGNALS) process.on(signal, onSignal);
	// A prompt on a closed terminal throws where nobody can catch it.
	process.on("uncaughtException", end);
	const others = process.stdout.listeners("error") as ((error: Error) => void)[];
	process.stdout.removeAllListeners("error").on("error", end);
	return () => {
		for (const signal of SIGNALS) process.off(signal, onSignal);
		process.off("uncaughtException", end);
		process.stdout.off("error", end);
		for (const listener of others) process.stdout.on("error", listener);
	};
}
