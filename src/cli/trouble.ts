/** What stands against a command, in words for the user: refusals, and what the system is short of. */
import { isOurTrouble, notLookedAt } from "../process/read-file.ts";
import { DispatchError } from "../task/errors.ts";

/** @returns null: a fault of ours */
export function troubleOf(error: unknown): DispatchError | null {
	if (error instanceof DispatchError) return error;
	if (!isOurTrouble(error)) return null;
	const { path, message } = error as NodeJS.ErrnoException;
	if (path?.startsWith("/")) return notLookedAt(path, error);
	return new DispatchError("DISPATCH_DISK", `The system is short of something: ${message}.`, {
		hint: "It passes: try again.",
		cause: error,
	});
}
