import { viewHosts } from "../../actions/hosts.ts";
import type { Context } from "../context.ts";
import { roomOf, table } from "../show/columns.ts";
import { hostColumns, hostNotes } from "../show/host-lines.ts";

/** Who shares this Redis: what each host can run, how full it is, and whether it lives. */
export async function hosts(context: Context, only: string | undefined): Promise<number | undefined> {
	const { output, env, home } = context;
	const views = await viewHosts(await context.store(), home.hostId, only);
	const now = Date.now();
	const columns = hostColumns(views, now, output.colors);
	const notes = hostNotes(views);
	output.result(
		views,
		views.length === 0
			? ["No host has shown itself here yet: `dispatch up` starts one."]
			: [
					...(await table(columns, roomOf(process.stdout, env), output.colors.dim)),
					...(notes.length > 0 ? ["", ...notes] : []),
				],
		views.map(({ host }) => host),
	);
	return undefined;
}
