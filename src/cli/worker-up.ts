/** Makes sure that somebody works on this host's tasks. */
import type { StartedDaemon } from "../host/process.ts";
import { placeOf } from "../task/address.ts";
import type { DispatchError } from "../task/errors.ts";
import type { Context } from "./context.ts";
import { troubleOf } from "./trouble.ts";

/**
 * To be called before anything is submitted: from here on the directory is this address's.
 * @returns whether `context.home` is another one now
 * @throws DISPATCH_ALREADY_RUNNING where a worker in it serves another address all the same
 */
export async function ownHome(context: Context): Promise<boolean> {
	const isOther = await context.ownHome();
	const { requireServes } = await import("../host/process.ts");
	requireServes(context.home, await context.redisUrl());
	return isOther;
}

/**
 * Starts this host's daemon in the background unless one runs.
 * @param tells false: the screen is taken
 * @throws DISPATCH_NO_WORKER, DISPATCH_ALREADY_RUNNING
 */
export async function ensureWorker(context: Context, tells = true): Promise<StartedDaemon> {
	const { startDaemon } = await import("../host/process.ts");
	await context.ownHome();
	const worker = await startDaemon(context.home, await context.redisUrl());
	if (!tells) return worker;
	// Told when a worker starts with this config, here, not at every command.
	if (worker.started) {
		for (const notice of context.config.notices) context.output.note(notice);
		await tellLeft(context);
	}
	if (worker.hindrance !== null) context.output.note(worker.hindrance);
	if (worker.draining)
		context.output.note(
			`The worker (pid ${worker.pid}) is draining: it starts nothing more. \`dispatch up\` starts a new one; agents run on.`,
		);
	return worker;
}

/**
 * As `ensureWorker`, where something has been done already: what that was is told first, whatever stands against a worker.
 * @returns why there is none; to be told last, by `withTrouble`
 */
export async function workerTrouble(context: Context): Promise<DispatchError | null> {
	try {
		await ensureWorker(context);
		return null;
	} catch (error) {
		const trouble = troubleOf(error);
		if (trouble === null) throw error;
		return trouble;
	}
}

/** Tells, behind all else, why no worker runs. With --json on stderr: stdout holds the result. @returns the exit code */
export function withTrouble(
	{ output }: Context,
	trouble: DispatchError | null,
	code: number | undefined,
): number | undefined {
	if (trouble === null) return code;
	if (output.json) output.note(trouble.inFull);
	else output.error(trouble);
	return Math.max(trouble.exitCode, code ?? 0);
}

/** A worker of an earlier version served one address after the other, and left tasks there: nothing else names them. */
export async function tellLeft(context: Context): Promise<void> {
	const { leftText, placesLeft } = await import("../host/left-places.ts");
	const here = placeOf(await context.redisUrl());
	for (const left of placesLeft(context.home.base, here)) context.output.note(leftText(left));
}

/** Agents get the worker's environment, not this command's: where that differs, it is told. */
export async function tellOfWorker(context: Context): Promise<void> {
	const { workerDiffers } = await import("../host/process.ts");
	const { differenceText } = await import("../host/surroundings.ts");
	const found = workerDiffers(context.home, context.config, context.env);
	if (found.length === 0) return;
	context.output.note(
		`Agents get the worker's environment, which differs from this one: ${differenceText(found)}. \`dispatch up --restart\` takes this one; \`env:\` in the config lets variables travel with each task.`,
	);
}

/**
 * Why what is asked of this host's worker waits: it is stopped (SIGSTOP), or its Redis refuses it; null where not, and
 * where it could not be looked at, which `workerTrouble` tells.
 */
export async function workerHindrance(context: Context): Promise<string | null> {
	const { daemonState, hindranceOf } = await import("../host/process.ts");
	try {
		const worker = daemonState(context.home);
		return worker === null ? null : hindranceOf(worker);
	} catch (error) {
		if (troubleOf(error) === null) throw error;
		return null;
	}
}
