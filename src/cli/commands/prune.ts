import { matches } from "../../actions/list.ts";
import { removeIfEnded } from "../../actions/remove.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { ENDED_STATES, isEnded, isState } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";

const USUAL_AGE = "14d";

export interface PruneFlags extends TaskFilterFlags {
	olderThan?: string;
	dryRun?: boolean;
}

/** Deletes tasks of this host that ended a while ago. Reports and logs go, the work in the project stays. */
export async function prune(context: Context, flags: PruneFlags): Promise<undefined> {
	const ageMs = parseDuration(flags.olderThan ?? USUAL_AGE, "--older-than");
	for (const state of flags.state ?? []) requireEnded(state);
	const wanted = matches(filterOf({ ...flags, host: flags.host ?? context.home.hostId }));
	const store = await context.store();
	const before = store.clock.now() - ageMs;
	const isOld = ({ state, endedAt }: TaskRecord) => isEnded(state) && endedAt !== null && endedAt <= before;
	const old = (await store.list(-1)).filter((record) => isOld(record) && wanted(record));
	const removed: string[] = [];
	for (const record of old) {
		const gone = flags.dryRun ? null : await removeIfEnded(store, record, context.home);
		if (!flags.dryRun && gone === null) continue;
		if (gone?.fault) context.output.note(gone.fault);
		removed.push(record.spec.id);
		context.output.progress(`${removed.length} of ${old.length}`);
	}
	context.output.clearProgress();
	const which = flags.state === undefined && flags.tag === undefined ? "task" : "such task";
	const what = `${removed.length === 1 ? "1 task" : `${removed.length} tasks`} older than ${flags.olderThan ?? USUAL_AGE}`;
	const lines = flags.dryRun
		? [...removed.map((id) => `  ${id}`), `Would remove ${what}.`]
		: [
				removed.length === 0
					? `No ${which} is older than ${flags.olderThan ?? USUAL_AGE}.`
					: `Removed ${what}.`,
			];
	context.output.result({ removed, dryRun: flags.dryRun ?? false }, lines, removed);
}

/** Said rather than that there is none: somebody may think that it takes away what runs. @throws DISPATCH_USAGE */
function requireEnded(state: string): void {
	if (!isState(state) || isEnded(state)) return;
	throw new DispatchError(
		"DISPATCH_USAGE",
		`Expected --state to be ${ENDED_STATES.join(", ")}, got "${state}".`,
		{
			hint: "prune removes what has ended; `dispatch cancel` ends tasks.",
		},
	);
}
