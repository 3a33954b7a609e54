/**
 * Who reads a command's output may have enough (`dispatch ls | head -1`): that is no error, and the command's
 * exit code stands. Only what prints without end stops for it.
 */
import { DispatchError } from "../../task/errors.ts";

const controller = new AbortController();

/** Aborts when nobody reads stdout any more. */
export const readerGone: AbortSignal = controller.signal;

/** @param refused called when stdout cannot be written for another reason: a full disk, say */
export function onClosedOutput(refused: (error: DispatchError) => void): void {
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED") return controller.abort();
		const message = `The result could not be written to stdout: ${error.message}.`;
		refused(new DispatchError("DISPATCH_DISK", message, { hint: "Make room, or send it elsewhere." }));
	});
	// What goes to stderr is for people: nobody there, nothing lost.
	process.stderr.on("error", () => {});
}
