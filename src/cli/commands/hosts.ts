import { drainHost, forgetHost, type HostView, untilDrained, viewHosts } from "../../actions/hosts.ts";
import { hostNames } from "../../queue/records/host-list.ts";
import { orAborted } from "../../queue/redis/or-aborted.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { Context } from "../context.ts";
import { inTime } from "../options/in-time.ts";
import { timeLeft } from "../options/time-left.ts";
import { whoAmI } from "../options/values.ts";
import { roomOf, table } from "../show/columns.ts";
import { hostColumns, hostNotes } from "../show/host-lines.ts";
import { onInterrupt } from "../show/interrupt.ts";
import { noReply } from "../show/wait-ends.ts";
import { timeoutOf } from "./enqueue.ts";

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

/** Whether a host of this id has ever shown itself here. */
export async function isHost(context: Context, id: string): Promise<boolean> {
	return (await hostNames(await context.store())).includes(id);
}

export interface DrainFlags {
	wait?: boolean;
	timeout?: string;
}

/** What runs there goes on. */
export async function drain(context: Context, host: string, flags: DrainFlags): Promise<number | undefined> {
	const { output } = context;
	const timeoutMs = timeoutOf(flags.timeout, flags.wait === true, {
		needs: "--wait",
		hint: "Without it the command returns at once.",
	});
	if (flags.wait) {
		const interrupt = onInterrupt();
		const waiting = drainAndWait(context, host, timeLeft(timeoutMs), interrupt.signal);
		const view = await waiting.finally(interrupt.release);
		if (view === null) return EXIT.interrupted;
		output.result(view, [`${host} is drained: nothing works or asks there.`], [host]);
		return undefined;
	}
	const view = await drainHost(await context.store(), host, asked(context));
	output.result(
		view,
		[`${host} starts nothing new; what runs there goes on. \`dispatch hosts resume ${host}\` ends that.`],
		[host],
	);
	return undefined;
}

function asked({ home }: Context) {
	return { on: true, by: whoAmI(), own: home.hostId };
}

/**
 * @param leftMs gives what is left of the time
 * @returns null: it was interrupted. @throws DISPATCH_TIMED_OUT, DISPATCH_STALE, and as `untilDrained`
 */
async function drainAndWait(
	context: Context,
	host: string,
	leftMs: () => number | null,
	signal: AbortSignal,
): Promise<HostView | null> {
	const { output, home } = context;
	const ask = async () => {
		const store = await inTime(leftMs(), noReply, () => context.store("service"));
		await inTime(leftMs(), noReply, () => drainHost(store, host, asked(context)), { waitsOut: true });
		return store;
	};
	const store = await orAborted(ask(), signal);
	if (store === "aborted") {
		output.note(`Interrupted. Whether ${host} is drained by now: dispatch hosts ${host}`);
		return null;
	}
	const told = ({ view, live }: { view: HostView; live: number }) =>
		output.awaits(
			live > 0
				? `Waiting for ${host}: ${live === 1 ? "1 task is" : `${live} tasks are`} still live there`
				: wordOf(view),
		);
	const end = await untilDrained(store, host, { own: home.hostId, timeoutMs: leftMs(), signal, told });
	output.clearProgress();
	switch (end.kind) {
		case "drained":
			return end.view;
		case "interrupted":
			output.note(`Interrupted. ${host} stays drained: dispatch hosts resume ${host}`);
			return null;
		case "timedOut":
			throw timedOut(host, end.seen);
		case "resumed":
			throw new DispatchError("DISPATCH_STALE", `${host} was resumed meanwhile: it takes tasks.`, {
				hint: `Once more: dispatch hosts drain ${host} --wait`,
			});
	}
}

/** Of a host on which no task is live, what it has yet to say. */
function wordOf({ host, state, draining, places }: HostView): string {
	if (!draining || !places?.used) return `${host} has not taken note yet (${state})`;
	const taken = places.used === 1 ? "1 place is" : `${places.used} places are`;
	return `No task is live on ${host} any more; by its last word ${taken} still taken`;
}

function timedOut(host: string, seen: { view: HostView; live: number } | null): DispatchError {
	const live = seen?.live ?? 0;
	const agents = live === 1 ? "1 agent still works or asks" : `${live} agents still work or ask`;
	const told =
		seen === null ? "Redis does not answer" : live > 0 ? `${agents} on ${host}` : wordOf(seen.view);
	return new DispatchError("DISPATCH_TIMED_OUT", `Timed out waiting: ${told}.`, {
		hint: `It stays drained until: dispatch hosts resume ${host}`,
	});
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

/** It is gone, and has nothing left to do. */
export async function rmHost(context: Context, host: string): Promise<undefined> {
	await forgetHost(await context.store(), host);
	const line = `${host} is not listed any more. Once a worker runs there again it is back.`;
	context.output.result({ host }, [line], [host]);
}
