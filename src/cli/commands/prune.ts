import { matches } from "../../actions/list.ts";
import { removeIfEnded } from "../../actions/remove.ts";
import { cutOff, type Each, eachInTurn, isDone, type NotDone } from "../../actions/several.ts";
import { parseDuration } from "../../task/duration.ts";
import { DispatchError, EXIT } from "../../task/errors.ts";
import type { TaskRecord } from "../../task/record.ts";
import { ENDED_STATES, isEnded, isState } from "../../task/states.ts";
import type { Context } from "../context.ts";
import { filterOf, type TaskFilterFlags } from "../options/task-filter.ts";
import { type Output, promptStream } from "../show/output.ts";
import { entriesOf, notKnown, tellRefusals } from "../show/several.ts";

const USUAL_AGE = "14d";
/** Of those that are to go. */
const NAMED = 10;

export interface PruneFlags extends TaskFilterFlags {
	olderThan?: string;
	dryRun?: boolean;
	yes?: boolean;
	force?: boolean;
}

/** Deletes tasks of this host that ended a while ago, and that no open one needs. Reports and logs go, the work in the project stays. */
export async function prune(context: Context, flags: PruneFlags): Promise<number | undefined> {
	const ageMs = parseDuration(flags.olderThan ?? USUAL_AGE, "--older-than");
	for (const state of flags.state ?? []) requireEnded(state);
	const wanted = matches(filterOf({ ...flags, host: flags.host ?? context.home.hostId }));
	const store = await context.store();
	const before = store.clock.now() - ageMs;
	const isOld = ({ state, endedAt }: TaskRecord) => isEnded(state) && endedAt !== null && endedAt <= before;
	const { records, damaged } = await store.newest(-1);
	// What is still to start gets the reports of what it needs.
	const needed = new Set(records.flatMap(({ state, spec }) => (isEnded(state) ? [] : spec.after)));
	const old = records.filter((record) => isOld(record) && wanted(record) && !needed.has(record.spec.id));
	if (!flags.dryRun && !flags.yes && !(await agreesToRemove(context, old))) return EXIT.interrupted;
	const { output } = context;
	const place = { ...context.home, env: context.env, force: flags.force ?? false };
	const removed = flags.dryRun ? old.map(({ spec }) => spec.id) : [];
	const each = await eachInTurn(flags.dryRun ? [] : old, idOf, async (record) => {
		const gone = await removeIfEnded(store, record, place);
		if (gone === null) return;
		if (gone.fault) output.note(gone.fault);
		removed.push(gone.task);
		output.progress(`${removed.length} of ${old.length}`);
	});
	output.clearProgress();
	const faults = faultsOf(each);
	const isWhole = each.every(isDone);
	const lines = isWhole ? told(removed, flags) : [`Removed ${removed.length} of ${old.length} tasks.`];
	if (damaged.length > 0)
		output.note(
			`Nobody knows how old these are, their records are damaged: ${damaged.map(({ id }) => id).join(", ")}. To remove one: dispatch rm ID`,
		);
	output.result({ removed, dryRun: flags.dryRun ?? false, ...shownFaults(faults) }, lines, removed);
	return tellFaults(output, faults);
}

const idOf = ({ spec }: TaskRecord) => spec.id;

interface Faults {
	/** all that Redis answered about */
	answered: Each<void>[];
	outage: DispatchError | undefined;
	/** those that it met */
	unknown: NotDone[];
}

function faultsOf(each: readonly Each<void>[]): Faults {
	const cut = cutOff(each);
	const answered = each.filter((one) => isDone(one) || !cut.includes(one));
	return { answered, outage: cut[0]?.refusal, unknown: cut.filter(({ isUntouched }) => !isUntouched) };
}

/** For `--json`. */
function shownFaults({ answered, outage, unknown }: Faults) {
	const refused = entriesOf(
		answered.filter((one) => !isDone(one)),
		() => null,
	);
	const { code, message, hint = null } = outage ?? {};
	return {
		...(refused.length > 0 && { notRemoved: refused }),
		...(outage && { error: { code, message, hint }, notKnown: unknown.map(({ task }) => task) }),
	};
}

/** @returns the exit code of the worst */
function tellFaults(output: Output, { answered, outage, unknown }: Faults): number | undefined {
	const code = tellRefusals(output, answered, "removed");
	if (outage === undefined) return code;
	if (!output.json) output.error(outage);
	if (!output.json && unknown.length > 0) output.note(notKnown(unknown));
	if (!output.json) output.note("The rest stays. Once Redis is back, the same command removes it.");
	return Math.max(outage.exitCode, code ?? 0);
}

function told(
	removed: readonly string[],
	{ state, tag, olderThan = USUAL_AGE, dryRun }: PruneFlags,
): string[] {
	const what = `${removed.length === 1 ? "1 task" : `${removed.length} tasks`} older than ${olderThan}`;
	if (dryRun) return [...removed.map((id) => `  ${id}`), `Would remove ${what}.`];
	if (removed.length > 0) return [`Removed ${what}.`];
	return [
		`No ${state === undefined && tag === undefined ? "task" : "such task"} is older than ${olderThan}.`,
	];
}

/** A person at a terminal sees what would go, and says yes; a script is asked nothing. */
async function agreesToRemove({ output }: Context, old: readonly TaskRecord[]): Promise<boolean> {
	const stream = promptStream();
	const isPerson = process.stdin.isTTY === true && stream.isTTY === true;
	if (!isPerson || output.json || output.quiet || old.length === 0) return true;
	for (const { spec, state } of old.slice(0, NAMED)) output.aside(`  ${spec.id}  ${state}`);
	if (old.length > NAMED) output.aside(`  and ${old.length - NAMED} more: dispatch prune --dry-run`);
	const { confirm } = await import("@clack/prompts");
	const what = old.length === 1 ? "this task" : `these ${old.length} tasks`;
	const message = `Delete ${what} with reports and logs? The work in the project stays.`;
	const said = await confirm({ message, initialValue: false, output: stream });
	if (said !== true) output.note("Nothing was removed.");
	return said === true;
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
