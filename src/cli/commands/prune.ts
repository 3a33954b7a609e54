import { matches } from "../../actions/list.ts";
import { removeIfEnded } from "../../actions/remove.ts";
import { parseDuration } from "../../task/duration.ts";
import type { TaskRecord } from "../../task/record.ts";
import { isEnded } from "../../task/states.ts";
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
	const what = `${removed.length === 1 ? "1 task" : `${removed.length} tasks`} older than ${flags.olderThan ?? USUAL_AGE}`;
	const lines = flags.dryRun
		? [...removed.map((id) => `  ${id}`), `Would remove ${what}.`]
		: [removed.length === 0 ? `No task is older than ${flags.olderThan ?? USUAL_AGE}.` : `Removed ${what}.`];
	context.output.result({ removed, dryRun: flags.dryRun ?? false }, lines, removed);
}
