import { overviewOf } from "../../actions/overview.ts";
import { DispatchError } from "../../task/errors.ts";
import { agentOf } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { change, checkKnown, requireUnnamed } from "./config.ts";

const NAMED = 5;

/** Takes it out of the file, unless something there or a task that is not over still needs it. */
export async function removeBackend(
	context: Context,
	name: string,
	{ yes = false }: { yes?: boolean },
): Promise<undefined> {
	const { output, env } = context;
	await change({ output, env }, async ({ config }) => {
		checkKnown("backend", name, Object.keys(config.backends));
		requireUnnamed(config, "backend", name);
		if (!yes) await requireUnused(context, name);
		const line = `The backend ${name} is no longer in the config.`;
		return { changes: [{ path: ["backends", name], value: null }], line };
	});
}

/** @throws DISPATCH_USAGE where tasks of this host would find no agent at their next start */
async function requireUnused(context: Context, name: string): Promise<void> {
	const { open } = await overviewOf(await context.store());
	const using = open.filter(
		(record) => record.host === context.home.hostId && agentOf(record).backend === name,
	);
	if (using.length === 0) return;
	const names = using.slice(0, NAMED).map(({ spec }) => spec.id);
	const more = using.length > NAMED ? ", …" : "";
	throw new DispatchError(
		"DISPATCH_USAGE",
		`"${name}" is in use by ${using.length === 1 ? "a task that is" : `${using.length} tasks that are`} not over: ${names.join(", ")}${more}.`,
		{
			hint: `Let them end first (dispatch wait), or remove it all the same with --yes: they fail at their next start.`,
		},
	);
}
