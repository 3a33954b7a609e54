/** A task that is not there may be at another address, which another worker of the same user serves. */
import type { Home } from "../config/home.ts";
import { otherWorkers, otherWorkerText } from "../host/process.ts";
import { DispatchError } from "../task/errors.ts";

/** @returns the error, which also says which other addresses may know the task */
export function alsoElsewhere(error: DispatchError, home: Home): DispatchError {
	const others = otherWorkers(home).map((other) => `${otherWorkerText(other, "ls --all")}.`);
	if (others.length === 0) return error;
	const hint = [error.hint ?? "", ...others].join(" ").trim();
	return new DispatchError(error.code, error.message, { hint, cause: error });
}
