/** `batch --with-worker`: a Redis and a worker for as long as the batch lives, for a machine that has neither. */
import { DispatchError, EXIT } from "../../task/errors.ts";
import { BatchStage } from "../batch-stage.ts";
import type { Context } from "../context.ts";
import { onEveryEnd } from "../show/every-end.ts";
import { type BatchFlags, batch } from "./batch.ts";

/**
 * @returns the exit code of `batch --wait`
 * @throws as `batch --wait`; DISPATCH_USAGE for what would outlive the batch
 */
export async function batchWithWorker(
	user: Context,
	file: string,
	flags: BatchFlags,
): Promise<number | undefined> {
	refuseLasting(user, flags);
	const ended = new AbortController();
	let fault: Error | undefined;
	const release = onEveryEnd((error) => {
		if (error !== undefined && !isGone(error)) fault = error;
		ended.abort();
	});
	try {
		const code = await onStage(user, file, flags, ended.signal).catch((error: unknown) => {
			// What was cut short by the signal itself, such as git.
			if (!ended.signal.aborted || !(error instanceof DispatchError)) throw error;
			return EXIT.interrupted;
		});
		if (fault !== undefined) throw fault;
		if (code === EXIT.interrupted)
			user.output.note("Interrupted. Its agents, its worker and its Redis are ended.");
		// What failed says how it is started again, as everywhere.
		if (code === EXIT.taskFailed)
			user.output.note(
				"Its Redis is gone: the commands named above find none of these tasks. Give the batch again, or without --with-worker.",
			);
		return code;
	} finally {
		release();
	}
}

/** A reader or a terminal that went away. */
function isGone({ code }: NodeJS.ErrnoException): boolean {
	return code === "EPIPE" || code === "EIO" || code === "ERR_STREAM_DESTROYED";
}

async function onStage(
	user: Context,
	file: string,
	flags: BatchFlags,
	signal: AbortSignal,
): Promise<number | undefined> {
	const stage = await BatchStage.open(user);
	try {
		// Nobody else knows this Redis: nobody could answer.
		const own = { ...flags, withWorker: false, wait: true, unattended: true };
		return await batch(stage.context, file, own, {
			signal,
			makeRoom: (cwd, id) => stage.makeRoom(cwd, id),
		});
	} catch (error) {
		if (!(error instanceof DispatchError) || error.code !== "DISPATCH_TIMED_OUT") throw error;
		throw new DispatchError(error.code, error.message, {
			hint: "Its agents are ended with it; give it more time, or let a worker that stays do the work (without --with-worker).",
			cause: error,
		});
	} finally {
		await stage.close();
	}
}

function refuseLasting({ namesRedis }: Context, { key, rerun }: BatchFlags): void {
	const option =
		key !== undefined ? "--key" : rerun !== undefined ? "--rerun" : namesRedis ? "--redis" : null;
	if (option === null) return;
	throw new DispatchError("DISPATCH_USAGE", `--with-worker and ${option} do not go together.`, {
		hint: "Its Redis is its own, and gone at its end: nothing of it is found again.",
	});
}
