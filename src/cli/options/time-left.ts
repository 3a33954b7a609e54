/**
 * What is left of a command's `--timeout`, which counts from the process's start: under memory pressure loading
 * alone takes seconds, and whoever called waits for these, too.
 * @param timeoutMs null: no limit
 * @returns gives the ms that are left now, 0 once it is over
 */
export function timeLeft(timeoutMs: number | null): () => number | null {
	// `performance.now()` begins with the process.
	return () => (timeoutMs === null ? null : Math.max(0, timeoutMs - performance.now()));
}
