import { overviewOf } from "../../actions/overview.ts";
import { DispatchError } from "../../task/errors.ts";
import { agentOf } from "../../task/record.ts";
import type { Context } from "../context.ts";
import { checkKnown, inUse, openFile, save } from "./config.ts";

const NAMED = 5;

/** Takes it out of the file, unless something there or a task that is not over still needs it. */
export async function removeBackend(
	context: Context,
	name: string,
	{ yes = false }: { yes?: boolean },
): Promise<undefined> {
	const { output, env } = context;
	const file = openFile({ output, env });
	const { backends, models, aliases, default: usual } = file.config;
	checkKnown("backend", name, Object.keys(backends));
	if (usual === name) throw inUse(name, "the default", "Choose another one: dispatch config set-default M.");
	for (const [what, entries] of Object.entries({ model: models, alias: aliases })) {
		const having = Object.entries(entries).flatMap(([each, { backend }]) => (backend === name ? [each] : []));
		const [first] = having;
		if (first === undefined) continue;
		const others = having.length > 1 ? ` and of ${having.length - 1} more` : "";
		const hint = `Remove that first (dispatch config remove-${what} ${first}), or give it another backend.`;
		throw inUse(name, `the backend of the ${what} "${first}"${others}`, hint);
	}
	if (!yes) await requireUnused(context, name);
	const line = `The backend ${name} is no longer in the config.`;
	save({ output, env }, file, [{ path: ["backends", name], value: null }], line);
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
