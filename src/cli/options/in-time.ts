import { ONE_LOOK_MS, orAborted, untilTaken } from "../../queue/redis/or-aborted.ts";
import { DispatchError } from "../../task/errors.ts";
import { timeLimit } from "../../task/time-limit.ts";

/**
 * A command's `--timeout` holds for what comes before and after its waiting, too: a server that reads its data, or
 * hangs, takes longer than that.
 * @param timeoutMs what is left of it; null: no limit
 * @param over what is thrown when the time is over
 * @param waitsOut a server that refuses: it connected before, and the work may be done again
 */
export async function inTime<T>(
	timeoutMs: number | null,
	over: () => DispatchError,
	work: () => Promise<T>,
	{ waitsOut = false } = {},
): Promise<T> {
	const limit = timeLimit(timeoutMs === null ? null : Math.max(timeoutMs, ONE_LOOK_MS));
	try {
		const done = await (waitsOut ? untilTaken(work, limit.signal) : orAborted(work(), limit.signal));
		if (done !== "aborted") return done;
	} finally {
		limit.release();
	}
	throw over();
}

/** Whoever submits with `--timeout`, before anything was sent. */
export function notSubmitted(): DispatchError {
	return new DispatchError("DISPATCH_REDIS_UNREACHABLE", "Redis did not answer within --timeout.", {
		hint: "Nothing was submitted. `dispatch doctor` says why it does not answer.",
	});
}

/** The same, once it was taken. @param what a task's id, or how many there are */
export function submittedOnly(what: string): DispatchError {
	return new DispatchError(
		"DISPATCH_TIMED_OUT",
		`Timed out: ${what} was submitted, and Redis or the worker does not answer.`,
		{
			hint: "`dispatch doctor` says why; it is done once they are back.",
		},
	);
}

/** The same, once it was sent. */
export function perhapsSubmitted(): DispatchError {
	return new DispatchError("DISPATCH_REDIS_UNREACHABLE", "Redis did not answer within --timeout.", {
		hint: "Whether it took the work is not known: `dispatch ls` tells once it answers. With --key the same again is safe.",
	});
}
