import { drainHost, type HostView, untilDrained, viewHosts } from "../../actions/hosts.ts";
import { EXIT } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { whoAmI } from "../options/values.ts";
import { roomOf, table } from "../show/columns.ts";
import { hostColumns, hostNotes } from "../show/host-lines.ts";
import { onInterrupt } from "../show/interrupt.ts";

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

export interface DrainFlags {
	wait?: boolean;
}

/** What runs there goes on. */
export async function drain(context: Context, host: string, flags: DrainFlags): Promise<number | undefined> {
	const { output, home } = context;
	const store = await context.store();
	const own = home.hostId;
	const asked = await drainHost(store, host, { on: true, by: whoAmI(), own });
	const view = flags.wait ? await waited(context, asked) : asked;
	if (view === null) return EXIT.interrupted;
	const line = flags.wait
		? `${host} is drained: nothing works or asks there.`
		: `${host} starts nothing new; what runs there goes on. \`dispatch hosts resume ${host}\` ends that.`;
	output.result(view, [line], [host]);
	return undefined;
}

async function waited(context: Context, { host }: HostView): Promise<HostView | null> {
	const { output, home } = context;
	const interrupt = onInterrupt();
	const told = ({ state }: HostView, live: number) =>
		output.progress(live > 0 ? `${live} still there` : `${host} has not taken note yet (${state})`);
	try {
		const { signal } = interrupt;
		const view = await untilDrained(await context.store(), host, { own: home.hostId, signal, told });
		if (signal.aborted) output.note(`Interrupted. ${host} stays drained: dispatch hosts resume ${host}`);
		else if (view === null) output.note(`${host} was resumed meanwhile.`);
		return view;
	} finally {
		interrupt.release();
	}
}

/** It takes tasks again. */
export async function resume(context: Context, host: string): Promise<number | undefined> {
	const { output, home } = context;
	const store = await context.store();
	const view = await drainHost(store, host, { on: false, by: whoAmI(), own: home.hostId });
	const isAway = view.state === "gone" || view.state === "stopped";
	output.result(
		view,
		[isAway ? `${host} takes tasks again once a worker runs there.` : `${host} takes tasks again.`],
		[host],
	);
	return undefined;
}
