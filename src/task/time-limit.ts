/**
 * Time limits that hold. A plain timer is kept by Node until it fires; one inside `AbortSignal.timeout` goes
 * with its signal, which `AbortSignal.any` does not hold (nodejs/node#57736): a limit of 20 s never came.
 */

/** A timer cannot be longer: setTimeout takes 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface TimeLimit {
	/** aborts when the time is over, or when one of the other signals does */
	readonly signal: AbortSignal;
	/** gives timer and listeners back; a limit that is not released keeps the process alive */
	release(): void;
}

/**
 * One signal for a time limit and whatever else ends the work.
 * @param limitMs ms from now, however long; null: no limit
 * @param others they stay the caller's, and are left without a listener after `release`
 */
export function timeLimit(limitMs: number | null, ...others: readonly AbortSignal[]): TimeLimit {
	const controller = new AbortController();
	let timer: NodeJS.Timeout | undefined;
	const release = () => {
		clearTimeout(timer);
		for (const other of others) other.removeEventListener("abort", end);
	};
	const end = () => {
		release();
		controller.abort();
	};
	const arm = (leftMs: number) => {
		const stepMs = Math.min(leftMs, LONGEST_TIMER_MS);
		timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : end()), stepMs);
	};
	for (const other of others) other.addEventListener("abort", end, { once: true });
	if (others.some(({ aborted }) => aborted)) end();
	else if (limitMs !== null && limitMs !== Number.POSITIVE_INFINITY) arm(Math.max(0, limitMs));
	return { signal: controller.signal, release };
}
