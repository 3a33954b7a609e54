/** @returns "aborted" as soon as `signal` is, though the work may still wait for a Redis that is away */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
	return new Promise((resolve, reject) => {
		const stop = () => resolve("aborted");
		signal.addEventListener("abort", stop, { once: true });
		if (signal.aborted) stop();
		work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
	});
}
